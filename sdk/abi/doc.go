// Package abi is the contract between a WASM plugin, the guest, and harness,
// its host: version 1, harness_v1. It has names, codes and the JSON of both
// sides; it runs nothing. Guests written with package sdk need not read it.
//
// # A module
//
// A guest is a WebAssembly 1.0 module, with the extensions of 2.0 other than
// reference types and without threads, that exports its memory as "memory".
// It is a reactor: _initialize, if exported, is called once, before all else.
// Every concurrent user of a benchmark has an instance of its own, which no
// two calls enter at the same time. Instances share nothing.
//
// # Exports
//
//	harness_v1_describe() i32
//	    Replies with the JSON of a [Description]. Called in an instance of its
//	    own, before any benchmark runs.
//	harness_v1_setup(benchmark i32) i32
//	    Sets up the benchmark of that number in the description, from 0. Called
//	    once in every instance; what is to be set up is read by config_get. May
//	    reply with the JSON of an [Info]; that of the first instance is shown.
//	harness_v1_op(index i64, rand i64) i32
//	    Does one op. index is its number in the round's schedule, rand a seeded
//	    number that is the same in every run with the same seed.
//	harness_v1_teardown() i32
//	    Optional. Undoes set up, before the instance is dropped.
//
// All return 0, or anything else for a failure. The reply of a failed
// describe, set up or tear down is the JSON of a [Problem], or plain text.
// That of a failed op is its class, a line feed and a message, or a class
// alone; without a reply its class is "error".
//
// # Imports
//
// They are in the module "harness_v1". Every import that takes or fills
// memory is given a pointer and a length in the guest's memory: the host never
// allocates there, and the guest exports no allocator. A result of 0 or more
// is a length, below 0 one of the codes of this package. An import that fills
// a buffer returns the length of the whole answer and writes it only if it
// fits: call again with a larger buffer on a result above the capacity.
//
//	now() i64                                     nanoseconds of the guest's clock
//	log(level, ptr, len i32) i32                  one entry of the plugin's log; level −4 debug, 0 info, 4 warning, 8 error
//	config_get(key, key_len, buf, cap i32) i32    a text of the configuration, see below
//	reply(ptr, len i32) i32                       what the running export has to say; the last call counts
//	record(metric i32, value f64) i32             a value of the metric of that number in the description, from 0; in an op only
//	should_stop() i32                             1 when the op's time is over or the round is cancelled, else 0
//
// These need a capability that the plugin was granted. A module that imports
// one without is refused before anything of it runs. http_do and sql_query go
// to the benchmark's target as harness.yaml names it, with the host's
// credentials; a guest sees neither address nor secret.
//
//	http_do(method, method_len, path, path_len, headers, headers_len, body, body_len, buf, cap i32) i64
//	    capability "http". path begins with one '/' and may have a query; headers
//	    are lines "Name: value". Redirects are not followed. The result is
//	    status << 32 | length of the body, or a code; a body longer than cap is
//	    cut to nothing, its length tells.
//	sql_query(sql, sql_len, args, args_len, buf, cap i32) i32
//	    capability "sql". One statement, $1, $2, … for the elements of the JSON
//	    array args. The answer is JSON: an array of rows, which are arrays. One
//	    connection per instance.
//	blob_read(name, name_len i32, offset i64, buf, cap i32) i32
//	    capability "blob". Up to cap bytes of a file below the granted folder,
//	    from offset on; 0 at its end. No name or link leads out of the folder.
//
// The clocks of an op that calls http_do, sql_query or blob_read are stamped
// by the host around its own calls: what the guest does before the first is
// wait, what it does after the last is not counted. Any other op lasts as long
// as the call of harness_v1_op.
//
// # Configuration
//
//	setup           the JSON of a [Setup]
//	id, run_id      of the benchmark and the run
//	seed, worker    decimal numbers; worker is that of this instance, from 0
//	param.NAME      a parameter, dotted for nested ones: text as it is, all else as JSON
//	target.name, target.kind
//	last_error      why the last import failed, in one line, without addresses
//
// # WASI
//
// Compilers' runtimes import wasi_snapshot_preview1. All of its functions may
// be imported, and these do something: fd_write to 1 and 2 goes to the log;
// proc_exit ends the instance; random_get is a generator seeded by the run, not
// fit for secrets; clock_time_get and poll_oneoff with a clock work, and so
// does sched_yield. Arguments and environment are empty. All else fails with
// an error number: there are no files, no folders and no sockets.
//
// Without the capability "clock", now and clock_time_get show a clock that
// begins at 0 (now, monotonic) or in the year 2000 (real time) and moves by
// [Tick] with every reading and by every sleep. With it they are the machine's.
//
// # Limits
//
// Memory per instance, the time that one call and all ops of a round may spend
// inside the guest, the bytes of log, those of any reply or result, and the
// values that an op records are limited. A call that takes too long takes the guest's process with it; a
// pointer out of range, a reply that is too large or too much log fails the op
// with class "abi" or "limit", whatever the guest makes of the code it gets.
package abi
