// Serves one endpoint with a delay, for the tests of harness ab.
package main

import (
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	pause := delay
	if d, err := time.ParseDuration(os.Getenv("DELAY")); err == nil {
		pause = d
	}
	http.HandleFunc("/item", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(pause)
		_, _ = w.Write([]byte("{}"))
	})
	l, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(l, nil))
}
