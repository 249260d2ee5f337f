//go:build linux || darwin

package lifeline

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// The watcher is started twice removed, so that the program, which takes the
// shell's place by exec and keeps its process id, has no child it did not
// start. It stays in the group: while it lives the group id cannot be reused,
// so its signal cannot reach a stranger.
const superviseScript = `( ( exec >/dev/null 2>&1 </dev/null; while read -r _ <&3; do :; done; kill -s "$0" -- "-$$" ) & )
unset ` + EnvFD + `
exec 3<&- "$@"`

// Supervise starts cmd, a program that does not know of lifelines, like [Start],
// with a watcher from /bin/sh that sends sig to the whole process group when
// this process dies. PID is the program's own. cmd.ExtraFiles must be empty:
// the watcher holds the line as descriptor 3, which the program does not get,
// nor the variable that names it.
func Supervise(cmd *exec.Cmd, sig syscall.Signal) (*Process, error) {
	return SuperviseWith(cmd, Options{Signal: sig})
}

// SuperviseWith is [Supervise] with options.
func SuperviseWith(cmd *exec.Cmd, o Options) (*Process, error) {
	if len(cmd.ExtraFiles) > 0 {
		return nil, fmt.Errorf("supervise %s: it must not inherit further files", cmd.Path)
	}
	if cmd.Err != nil {
		return nil, fmt.Errorf("supervise %s: %w", cmd.Path, cmd.Err)
	}
	line, err := Attach(cmd)
	if err != nil {
		return nil, err
	}
	argv := []string{"/bin/sh", "-c", superviseScript, strconv.Itoa(int(o.Signal)), cmd.Path}
	if len(cmd.Args) > 1 {
		argv = append(argv, cmd.Args[1:]...)
	}
	cmd.Path, cmd.Args = argv[0], argv
	return start(cmd, Options{Thread: o.Thread}, line) // the watcher sends the signal
}
