// Package probe samples what the machine does while a round runs: the host's
// CPU, memory, swap, disks, network and pressure, the CPU and memory of named
// process trees, and every NVIDIA GPU. It is the only package that talks to
// gopsutil and NVML, so it also answers questions about the machine itself
// ([Host], [Memory], [Disk], [Load]).
//
// A [Sampler] reads all gauges ten times a second. A caller opens a [Window]
// when its round starts and closes it when the round ends; opening and closing
// read the gauges too, so averages cover exactly the window.
//
// Averages of gauges that come from counters (all that are per second, and
// all shares of time) are the counter's growth over the window's length, not
// the mean of the samples. A gauge that cannot be read here is unavailable,
// with the reason. It is never zero for that.
//
// The package judges nothing: whether a figure is noise or exhaustion is for
// its readers to say.
package probe
