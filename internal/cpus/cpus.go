// Package cpus names sets of CPUs and starts children on them.
//
// A child inherits the CPUs of the thread that forks it, so a set is put on
// that thread and taken off again: the child runs on it from its first
// instruction, and a Go program finds it when it sizes its scheduler. The
// package binds no process that runs already, and knows nothing of why.
package cpus

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Most is how many CPUs the kernel's fixed-size mask has room for; they are
// numbered from 0.
const Most = 1024

// Set are CPU numbers, ascending, each once. An empty one stands for any CPU.
type Set []int

// Parse reads a list as taskset and the kernel write it: numbers and ranges
// with commas, such as "0,2-4".
func Parse(text string) (Set, error) {
	var out Set
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := number(first)
		if err != nil {
			return nil, err
		}
		to := from
		if isRange {
			if to, err = number(last); err != nil {
				return nil, err
			}
		}
		if to < from {
			return nil, fmt.Errorf("the range %d-%d runs backwards; want %[2]d-%[1]d", from, to)
		}
		for n := from; n <= to; n++ {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n >= Most || text[0] == '+' {
		return 0, fmt.Errorf("%.20q is no CPU; want numbers from 0 to %d and ranges, such as 0,2-4", text, Most-1)
	}
	return int(n), nil
}

// String is the shortest list that [Parse] reads; empty for any CPU.
func (s Set) String() string {
	var out []string
	for i := 0; i < len(s); {
		end := i
		for end+1 < len(s) && s[end+1] == s[end]+1 {
			end++
		}
		if end == i {
			out = append(out, strconv.Itoa(s[i]))
		} else {
			out = append(out, strconv.Itoa(s[i])+"-"+strconv.Itoa(s[end]))
		}
		i = end + 1
	}
	return strings.Join(out, ",")
}

// Without are the CPUs of s that other lacks.
func (s Set) Without(other Set) Set {
	return s.filter(func(n int) bool { return !slices.Contains(other, n) })
}

// Shared are the CPUs that both have.
func (s Set) Shared(other Set) Set {
	return s.filter(func(n int) bool { return slices.Contains(other, n) })
}

func (s Set) filter(keep func(int) bool) Set {
	var out Set
	for _, n := range s {
		if keep(n) {
			out = append(out, n)
		}
	}
	return out
}
