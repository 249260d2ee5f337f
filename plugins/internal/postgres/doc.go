// Package postgres starts a private PostgreSQL server for the db benchmarks
// and for `harness reference up`, and removes every trace of it afterwards.
//
// The program comes from, in this order: a DSN (then nothing is started), a
// given folder, an installation on this machine, an archive fetched once and
// cached. An archive is compared with a digest pinned in this package before
// a byte of it is unpacked. Where nothing works the error is [Unavailable].
//
// The server is an ordinary one. fsync, synchronous_commit and
// full_page_writes are on, shared_buffers is PostgreSQL's own 128 MB, and
// nothing is tuned: its figures are those of a default installation on the file
// system that holds its folder. Only initdb skips its sync, since what
// it makes never has to survive a power cut. The locale is C and the encoding
// UTF8, which every platform has, so that sort orders and their costs compare.
//
// It listens on a socket in a folder of mode 0700 and admits, by peer
// authentication, the operating system user that started it. TCP on 127.0.0.1,
// on request, asks for a random password.
//
// PostgreSQL refuses to run as root. For root the server runs as "nobody",
// which has rights over nothing; "postgres", which on many machines owns a real
// database, is used only where there is no "nobody".
//
// The package does not manage servers that it did not start, keeps no data
// between runs, and creates no tables.
package postgres
