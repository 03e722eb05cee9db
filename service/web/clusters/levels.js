/** Topics from near and from further off. */

/** The levels of a result, the nearest first: how many groups each has. */
export function levelsOf({ clusters, levels = [] }) {
  const near = { count: clusters.length };
  return [near, ...levels.map((groups) => ({ count: groups.length }))];
}

/**
 * The groups of a level, the largest first, in one shape.
 *
 * @param {object} result
 * @param {number} level 0: the clusters themselves
 * @returns {{id: number, label: string, terms: string[], size: number, examples: object[],
 *   inside: {label: string}[]}[]} `inside`: what a group holds of the next nearer level
 */
export function groupsAt(result, level) {
  if (level === 0) return result.clusters.map((each) => ({ examples: [], ...each, inside: [] }));
  const groups = result.levels[level - 1];
  const nearer = groupsAt(result, level - 1);
  return groups
    .map((group) => ({ ...group, examples: [], inside: nearer.filter(isIn(group, level)) }))
    .sort((a, b) => b.size - a.size);
}

function isIn(group, level) {
  return (each) => (level === 1 ? group.clusters.includes(each.id) : each.parent === group.id);
}
