/** A tile of the map as the server sends it: columns of numbers, read without parsing. */

const MAGIC = "MTIL";
const VERSION = 1;
const HEAD = 16;
const CLUSTERS = 1;
const SCORES = 2;

/**
 * The columns of a tile, each a view of the bytes.
 *
 * @param {ArrayBuffer} bytes
 * @returns {{n: number, x: Float32Array, y: Float32Array, positions: Uint32Array,
 *   clusters: Int32Array | null, scores: Float32Array | null}} cluster -1: none; score NaN: none
 */
export function readTile(bytes) {
  const head = new DataView(bytes);
  const magic = String.fromCharCode(...new Uint8Array(bytes, 0, 4));
  const version = head.getUint32(4, true);
  if (magic !== MAGIC || version !== VERSION)
    throw new RangeError(`a tile that begins ${magic} ${version}; ${MAGIC} ${VERSION} is read`);
  const n = head.getUint32(8, true);
  const flags = head.getUint32(12, true);
  let at = HEAD;
  const column = (Kind) => {
    const view = new Kind(bytes, at, n);
    at += 4 * n;
    return view;
  };
  return {
    n,
    x: column(Float32Array),
    y: column(Float32Array),
    positions: column(Uint32Array),
    clusters: flags & CLUSTERS ? column(Int32Array) : null,
    scores: flags & SCORES ? column(Float32Array) : null,
  };
}
