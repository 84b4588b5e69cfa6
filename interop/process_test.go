package interop_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a helper may take for one answer.
const patience = 60 * time.Second

// process is a helper that answers each line with a line. It lives until it is
// closed; one that fails once stays failed.
type process struct {
	name     string
	patience time.Duration

	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors *tail
	failed error
}

func startProcess(name string, patience time.Duration, argv ...string) (*process, error) {
	p := &process{name: name, patience: patience, errors: &tail{}, cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Stderr = p.errors
	p.cmd.WaitDelay = 5 * time.Second
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// ask sends a line, unless it is nil, and returns the answer without its line feed.
func (p *process) ask(line []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return nil, p.failed
	}
	var late atomic.Bool
	timer := time.AfterFunc(p.patience, func() {
		late.Store(true)
		p.cmd.Process.Kill()
	})
	defer timer.Stop()
	var err error
	if line != nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	var answer []byte
	if err == nil {
		answer, err = p.out.ReadBytes('\n')
	}
	switch {
	case late.Load():
		p.fail(fmt.Errorf("no answer in %v", p.patience))
	case err == io.EOF:
		p.fail(errors.New("ended"))
	case err != nil:
		p.fail(err)
	default:
		return answer[:len(answer)-1], nil
	}
	return nil, p.failed
}

// fail ends the process and keeps what it had to say.
func (p *process) fail(cause error) {
	p.in.Close()
	p.cmd.Process.Kill()
	status := p.cmd.Wait()
	p.failed = fmt.Errorf("%s: %w (%v); its last words: %s", p.name, cause, status, p.errors)
}

// close asks the process to end by ending its input, and waits for it.
func (p *process) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	p.failed = fmt.Errorf("%s: closed", p.name)
	timer := time.AfterFunc(p.patience, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w; its last words: %s", p.name, err, p.errors)
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.text) == 0 {
		return "none"
	}
	return strings.TrimSpace(string(t.text))
}
