// Serves one endpoint. With the argument "flaky", every second answer is an
// error, from the second one on: a regression that no noise can hide.
package main

import (
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

func main() {
	flaky := os.Args[1] == "flaky"
	var n atomic.Int64
	http.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/item", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Millisecond)
		if n.Add(1)%2 == 0 && flaky {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte("{}"))
	})
	panic(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
