// The guest's side of harness_v1: what it imports, in the types of this
// language. The host reads and writes only the memory that it is handed.

@external("harness_v1", "log")
declare function hostLog(level: i32, text: usize, length: i32): i32;

@external("harness_v1", "config_get")
declare function hostConfigGet(key: usize, keyLength: i32, buffer: usize, room: i32): i32;

@external("harness_v1", "reply")
declare function hostReply(text: usize, length: i32): i32;

@external("harness_v1", "record")
declare function hostRecord(metric: i32, value: f64): i32;

/** Levels of the log. */
export const DEBUG = -4;
export const INFO = 0;
export const WARN = 4;
export const ERROR = 8;

/** Puts an entry into the plugin's log. */
export function log(level: i32, text: string): void {
  const bytes = String.UTF8.encode(text);
  hostLog(level, changetype<usize>(bytes), bytes.byteLength);
}

/** Says what the running export has to say: a description, or what went wrong. */
export function reply(text: string): void {
  const bytes = String.UTF8.encode(text);
  hostReply(changetype<usize>(bytes), bytes.byteLength);
}

/** Fails the running op: `return fail("wrong_sum", "the sum is 3")`. */
export function fail(cls: string, message: string): i32 {
  reply(cls + "\n" + message);
  return 1;
}

/** Records a value of the metric of that number in the description. */
export function record(metric: i32, value: f64): void {
  hostRecord(metric, value);
}

/** A text of the configuration, such as "param.size"; null when there is none. */
export function config(key: string): string | null {
  const name = String.UTF8.encode(key);
  let buffer = new ArrayBuffer(256);
  let length = hostConfigGet(changetype<usize>(name), name.byteLength, changetype<usize>(buffer), buffer.byteLength);
  if (length > buffer.byteLength) {
    buffer = new ArrayBuffer(length);
    length = hostConfigGet(changetype<usize>(name), name.byteLength, changetype<usize>(buffer), buffer.byteLength);
  }
  if (length < 0) return null;
  return String.UTF8.decodeUnsafe(changetype<usize>(buffer), length);
}

/** What the language's own checks call: the last words, and the end. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  log(ERROR, "abort: " + (message ? message : "no reason") + " at " + (file ? file : "?") + ":" + line.toString() + ":" + column.toString());
  unreachable();
}
