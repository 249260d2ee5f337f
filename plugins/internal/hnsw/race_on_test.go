//go:build race

package hnsw

// raceEnabled: under the race detector sync.Pool drops values at random.
const raceEnabled = true
