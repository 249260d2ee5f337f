package proc

import (
	"bufio"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// foreign is a shell that reports about a process it waits for.
func foreign(script string) Spec {
	return Spec{Name: "variant x", Path: "/bin/sh", Args: []string{"-c", script}, Foreign: true}
}

func TestAForeignChildAndWhatItWaitsForEndWithItsStop(t *testing.T) {
	c, err := Start(foreign("sleep 1000 & echo $$ $!; wait"))
	if err != nil {
		t.Fatal(err)
	}
	shell, sleep, _ := strings.Cut(readLine(t, bufio.NewReader(c.Stdout())), " ")
	if shell != strconv.Itoa(c.PID()) {
		t.Errorf("the program is process %s, PID says %d", shell, c.PID())
	}
	if err := c.Stop(context.Background(), patience); err != nil {
		t.Fatal(err)
	}
	if alive(c.PID()) {
		t.Error("the shell lives on")
	}
	poll(t, "what the shell started to be gone", func() bool { return !alive(number(t, sleep)) })
	if err := c.Stop(context.Background(), patience); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
}

func TestAForeignChildIsToldOfNoLifeline(t *testing.T) {
	s := foreign("env")
	s.Env = os.Environ()
	env := strings.Split(all(t, start(t, s)), "\n")
	if slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "HARNESS_LIFELINE_FD=") }) {
		t.Error("it would take a descriptor that it does not have for its lifeline")
	}
}
