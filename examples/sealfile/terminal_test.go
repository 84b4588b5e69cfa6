//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A terminal is one that a test types at and looks at.
type terminal struct {
	*folder
	screen, tty *os.File
	seen        string // and not yet expected
}

func (f *folder) terminal() *terminal {
	f.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		f.Skip("no terminals here: ", err)
	}
	f.Cleanup(func() { screen.Close() })
	screen.SetDeadline(time.Now().Add(time.Minute))
	x := &terminal{folder: f, screen: screen}
	var locked, number int32
	x.control(syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	x.control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	x.tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		f.Skip("no terminals here: ", err)
	}
	f.Cleanup(func() { x.tty.Close() })
	return x
}

// control makes an ioctl.
func (x *terminal) control(request uintptr, value unsafe.Pointer) {
	x.Helper()
	raw, err := x.screen.SyscallConn()
	if err != nil {
		x.Fatal(err)
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(value))
	})
	if err != nil || errno != 0 {
		x.Fatal(err, errno)
	}
}

// start starts a command at the terminal, which is also its standard input and
// output where it has no other.
func (x *terminal) start(cmd *exec.Cmd) *exec.Cmd {
	x.Helper()
	if cmd.Stdin == nil {
		cmd.Stdin = x.tty
	}
	if cmd.Stdout == nil {
		cmd.Stdout = x.tty
	}
	cmd.Stderr, cmd.ExtraFiles = x.tty, []*os.File{x.tty}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := cmd.Start(); err != nil {
		x.Fatal(err)
	}
	return cmd
}

// expect waits until the screen shows the text, and returns what came before it.
func (x *terminal) expect(text string) string {
	x.Helper()
	for buf := make([]byte, 1<<10); ; {
		if before, after, found := strings.Cut(x.seen, text); found {
			x.seen = after
			return before
		}
		n, err := x.screen.Read(buf)
		if err != nil {
			x.Fatalf("the screen shows %q, not %q: %v", x.seen, text, err)
		}
		x.seen += string(buf[:n])
	}
}

// rest returns what the screen shows beyond that. The terminal is of no use then.
func (x *terminal) rest() string {
	x.tty.Close()
	rest, _ := io.ReadAll(x.screen) // the error says that nobody has the terminal
	return x.seen + string(rest)
}

// secretly waits until the terminal does not show what is typed, which is a moment
// after the prompt.
func (x *terminal) secretly() *terminal {
	x.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var state syscall.Termios
		x.control(syscall.TCGETS, unsafe.Pointer(&state))
		if state.Lflag&syscall.ECHO == 0 {
			return x
		}
		if time.Now().After(deadline) {
			x.Fatal("the terminal shows what is typed")
		}
	}
}

func (x *terminal) enter(keys string) {
	x.Helper()
	if _, err := x.screen.WriteString(keys); err != nil {
		x.Fatal(err)
	}
}

// ends checks the exit code.
func (x *terminal) ends(cmd *exec.Cmd, code int) {
	x.Helper()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		x.Errorf("%q: exit code %d, want %d", cmd.Args[1:], got, code)
	}
}

// TestNoBytesOnTerminal: an envelope goes to a terminal as text, or if -o - says so.
func TestNoBytesOnTerminal(t *testing.T) {
	f := newFolder(t)
	f.write("in", []byte("text"))
	f.write("sealed", f.seal("text", "-to", f.pub("bob")))
	for _, c := range []struct {
		input string
		args  []string
	}{
		{"in", []string{"seal", "-to", f.pub("bob")}},
		{"in", []string{"seal", "-p"}}, // before it asks for the passphrase
		{"sealed", []string{"rewrap", "-i", f.key("bob"), "-to", f.pub("carol")}},
	} {
		x := f.terminal()
		cmd := x.start(f.command(append(c.args, c.input)...))
		if before := x.expect("standard output is a terminal, and envelopes are not text: -o FILE writes a file, -armor text"); strings.Contains(before, "parley") || strings.Contains(before, "assphrase") {
			t.Errorf("before that %q", before)
		}
		x.ends(cmd, 2)
		if c.args[1] == "-p" {
			continue
		}
		for flag, shown := range map[string]string{"-armor": "-----END PARLEY ENVELOPE-----", "-o=-": "parley-envelope/v1"} {
			x := f.terminal()
			cmd := x.start(f.command(append(c.args, flag, c.input)...))
			x.expect(shown)
			x.ends(cmd, 0)
		}
	}
	x := f.terminal()
	cmd := x.start(f.command("open", "-i", f.key("bob"), "sealed"))
	x.expect("text")
	x.ends(cmd, 0)
}

// TestTyped: whoever gives no input is told that the program waits for it.
func TestTyped(t *testing.T) {
	f := newFolder(t)
	x := f.terminal()
	cmd := x.start(f.command("seal", "-to", f.pub("bob"), "-o", "sealed"))
	x.expect("sealfile: reading what is typed, up to Ctrl-D")
	x.enter("line\n\x04")
	x.ends(cmd, 0)
	if r := f.ok("open", "-i", f.key("bob"), "sealed"); string(r.stdout) != "line\n" {
		t.Errorf("opened %q", r.stdout)
	}
}

// TestTypedPassphrase: a new passphrase is typed twice, is not shown, and is the one
// that opens; standard input and output are others' meanwhile.
func TestTypedPassphrase(t *testing.T) {
	f := newFolder(t)
	seal := func(code int, message, first, second string) {
		t.Helper()
		x := f.terminal()
		cmd := f.command("seal", "-p", "-o", "sealed")
		cmd.Stdin = strings.NewReader("text")
		x.start(cmd)
		x.expect("New passphrase: ")
		x.secretly().enter(first + "\n")
		if first != "" {
			if shown := x.expect("The same again: "); strings.Contains(shown, "horse") {
				t.Errorf("the screen shows %q", shown)
			}
			x.secretly().enter(second + "\n")
		}
		x.ends(cmd, code)
		if rest := x.rest(); !strings.Contains(rest, message) || strings.Contains(rest, "horse") {
			t.Errorf("the screen shows %q, want %q", rest, message)
		}
	}
	seal(1, "the passphrases differ", "correct horse", "correct  horse")
	seal(1, "the passphrase is empty", "correct horse", "")
	seal(1, "the passphrase is empty", "", "")
	f.holds()
	seal(0, "", "correct horse", "correct horse")
	f.write("passphrase", []byte("correct horse"))
	if r := f.ok("open", "-p", "-passphrase-file", "passphrase", "sealed"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
	x := f.terminal()
	cmd := x.start(f.command("open", "-p", "-o", "out", "sealed"))
	x.expect("Passphrase: ")
	x.secretly().enter("correct horse\n")
	x.ends(cmd, 0)
	if got := string(f.read("out")); got != "text" {
		t.Errorf("opened %q", got)
	}
}

// TestPassphraseOnStandardInput: it can be there if the input is not.
func TestPassphraseOnStandardInput(t *testing.T) {
	f := newFolder(t)
	f.write("in", []byte("text"))
	passphrase := []byte("correct horse\n")
	f.failsPipe(passphrase, 2, "-passphrase-file is standard input, which is the input too", "seal", "-p", "-passphrase-file", "/dev/stdin")
	f.write("both", passphrase)
	cmd := f.command("seal", "-p", "-passphrase-file", "both")
	in, err := os.Open(filepath.Join(f.path, "both"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd.Stdin = in
	if got, err := cmd.Output(); err == nil || len(got) > 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	f.okPipe(passphrase, "seal", "-p", "-passphrase-file", "/dev/stdin", "-o", "sealed", "in")
	if r := f.okPipe(passphrase, "open", "-p", "-passphrase-file", "/dev/stdin", "sealed"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
}
