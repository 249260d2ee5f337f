// A benchmark plugin of harness in AssemblyScript: CRC-32 of a block.

import { config, fail, record, reply } from "./harness";

export { abort } from "./harness";

const DESCRIPTION = `{
  "name": "crc", "version": "0.1.0", "doc": "Checksums, in AssemblyScript.",
  "benchmarks": [{
    "name": "crc32", "doc": "CRC-32 of a block of zeros.",
    "params": [{"name": "size", "type": "int", "doc": "bytes of the block", "default": 16384, "min": 1, "max": 1048576}],
    "metrics": [{"name": "bytes", "unit": "B/s", "doc": "What was summed.", "better": "higher", "aggregate": "rate"}]
  }]
}`;

const table = new StaticArray<u32>(256);
let block = new StaticArray<u8>(0);
let expected: u32 = 0;

export function harness_v1_describe(): i32 {
  reply(DESCRIPTION);
  return 0;
}

export function harness_v1_setup(benchmark: i32): i32 {
  const size = config("param.size");
  if (size == null) {
    reply(`{"kind": "param", "subject": "size", "message": "is missing"}`);
    return 1;
  }
  for (let n: u32 = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[n] = c;
  }
  block = new StaticArray<u8>(<i32>parseInt(size));
  expected = crc();
  reply(`{"provenance": {"engine": "AssemblyScript, one table of 256 entries", "sum": "` + expected.toString(16) + `"}}`);
  return 0;
}

export function harness_v1_op(index: i64, rand: i64): i32 {
  if (crc() != expected) return fail("wrong_sum", "the sum has changed");
  record(0, <f64>block.length);
  return 0;
}

function crc(): u32 {
  let c: u32 = 0xffffffff;
  for (let i = 0, n = block.length; i < n; i++) {
    c = unchecked(table[(c ^ unchecked(block[i])) & 0xff]) ^ (c >>> 8);
  }
  return ~c;
}
