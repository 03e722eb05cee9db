/** Topics from near and from further off. */

/** How many topics a reader takes in at a glance. */
const AT_A_GLANCE = 24;

/** The level to begin with: the nearest whose groups can be taken in. */
export function firstLevel(result) {
  const levels = levelsOf(result);
  const few = levels.findIndex(({ count }) => count <= AT_A_GLANCE);
  return few < 0 ? levels.length - 1 : few;
}

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

/** Every group on the way from the furthest level down to a group of `level`, the furthest first. */
export function wayTo(result, level, id) {
  const way = [];
  let wanted = (each) => each.id === id;
  for (let at = level; at < levelsOf(result).length; at += 1) {
    const group = groupsAt(result, at).find(wanted);
    if (!group) break;
    way.unshift({ ...group, level: at });
    wanted = ({ inside }) => inside.some((each) => each.id === group.id);
  }
  return way;
}

function isIn(group, level) {
  return (each) => (level === 1 ? group.clusters.includes(each.id) : each.parent === group.id);
}
