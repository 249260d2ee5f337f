// Package socket reads and writes the sockets of net.Conn by the system calls
// alone, for clients that wait for an answer in one call of Go's poller, by
// syscall.RawConn. It opens, closes and waits for nothing.
package socket
