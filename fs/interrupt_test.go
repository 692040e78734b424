package fs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// Signals that a program handles, or that do nothing, do no harm to its calls, cold or
// warm: each is answered, though nothing restarts one that ends with EINTR.
func TestSignalsDoNoHarm(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	const folders, files = 8, 3
	for i := range folders {
		for k := range files {
			tree.Add(fmt.Sprintf("d%d/f%d.mp4", i, k), apitest.File{Size: 1000, Kind: apitest.Video})
		}
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree, Order: apitest.FolderOnly, Latency: 150 * time.Millisecond}})
	if got, want := f.deed("storm", f.dir), folders*files; got != strconv.Itoa(want) {
		t.Errorf("under signals %s files were seen, want %d", got, want)
	}
}

// stormDeed walks a tree with system calls that nothing repeats, while signals rain on all
// its threads, about a hundred a second on each, and prints how many files it saw.
func stormDeed(args []string) int {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGUSR1)
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			threads, _ := os.ReadDir("/proc/self/task")
			for _, thread := range threads {
				if tid, err := strconv.Atoi(thread.Name()); err == nil {
					_ = syscall.Tgkill(os.Getpid(), tid, syscall.SIGUSR1)
					_ = syscall.Tgkill(os.Getpid(), tid, syscall.SIGURG)
				}
			}
		}
	}()
	files := 0
	for range 2 { // cold, then warm
		files = 0
		n, err := stormWalk(args[0], &files)
		if err != nil {
			return fail(os.Stderr, "%s: %v", n, err)
		}
	}
	fmt.Print(files)
	return 0
}

func stormWalk(dir string, files *int) (at string, err error) {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return "open " + dir, err
	}
	defer func() { _ = syscall.Close(fd) }()
	all, err := getdents(fd, 4096, untilEnd)
	if err != nil {
		return "read " + dir, err
	}
	for _, e := range all {
		path := filepath.Join(dir, e.name)
		var st syscall.Stat_t
		switch {
		case e.name == "." || e.name == "..":
			continue
		case e.typ == syscall.DT_DIR:
			if at, err := stormWalk(path, files); err != nil {
				return at, err
			}
			continue
		}
		if err := syscall.Lstat(path, &st); err != nil {
			return "lstat " + path, err
		}
		file, err := syscall.Open(path, syscall.O_RDONLY, 0)
		if err != nil {
			return "open " + path, err
		}
		n, err := syscall.Pread(file, make([]byte, 2000), 0)
		_ = syscall.Close(file)
		if err != nil || n != 1000 {
			return fmt.Sprintf("read %s: %d bytes", path, n), err
		}
		*files++
	}
	return "", nil
}

// Who is told to end is let go at once, also where other signals came before.
func TestEndedCallersAreLetGo(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Order: apitest.FolderOnly}, timeout: 5 * time.Minute})
	f.ls("")
	held := make(chan struct{})
	f.service.SetFault(apitest.Always(apitest.Hold(held)))
	t.Cleanup(func() { close(held) })
	for name, c := range map[string]struct {
		handled string // signal that the program handles
		send    []syscall.Signal
		exit    string
	}{
		"Ctrl-C":               {"", []syscall.Signal{syscall.SIGINT}, "signal: interrupt"},
		"killed":               {"", []syscall.Signal{syscall.SIGKILL}, "signal: killed"},
		"quit":                 {"", []syscall.Signal{syscall.SIGQUIT}, "exit status 2"}, // by Go itself,
		"Ctrl-C that is heard": {"INT", []syscall.Signal{syscall.SIGINT}, "exit status 7"},
		"TERM that is heard":   {"TERM", []syscall.Signal{syscall.SIGTERM}, "exit status 7"},
		"killed after others": {"USR1", []syscall.Signal{
			syscall.SIGWINCH, syscall.SIGUSR1, syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGUSR1, syscall.SIGKILL}, "signal: killed"},
		"ls, Ctrl-C":         {"ls", []syscall.Signal{syscall.SIGWINCH, syscall.SIGINT}, "signal: interrupt"},
		"ls, quit":           {"ls", []syscall.Signal{syscall.SIGQUIT}, "signal: quit"},
		"ended after others": {"USR1", []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM}, "signal: terminated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], f.dir+"/folder1", c.handled)
			cmd.Env = append(os.Environ(), "SEFS_TEST_DEED=openOnce", "GORACE=atexit_sleep_ms=0", "GOTRACEBACK=none")
			if c.handled == "ls" { // which handles none: not even as Go does
				cmd = exec.Command("sh", "-c", `ulimit -c 0; echo $$; exec ls "$1"`, "sh", f.dir+"/folder1")
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			tid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "it waits for the mount", func() bool {
				call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", tid))
				return strings.HasPrefix(string(call), fmt.Sprintf("%d ", syscall.SYS_OPENAT))
			})
			for i, s := range c.send {
				if i > 0 {
					time.Sleep(50 * time.Millisecond) // so that it acts on each
				}
				// To the thread that waits; a whole process may have others to handle it.
				if err := syscall.Tgkill(cmd.Process.Pid, tid, s); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan string, 1)
			go func() { _, _ = io.Copy(io.Discard, out); ended <- fmt.Sprint(cmd.Wait()) }()
			select {
			case got := <-ended:
				if !strings.HasPrefix(got, c.exit) {
					t.Errorf("it ended with %q, want %q", got, c.exit)
				}
			case <-time.After(patience / 2):
				t.Error("it still waits")
				_ = cmd.Process.Kill()
				f.service.SetFault(nil)
			}
		})
	}
}

// openOnceDeed opens a folder with a call that nothing repeats, on a thread whose number it
// prints before. It ends with 7 if that is interrupted.
func openOnceDeed(args []string) int {
	if handled := map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1}[args[1]]; handled != nil {
		signal.Notify(make(chan os.Signal, 1), handled)
	}
	fmt.Println(syscall.Gettid())
	switch _, err := syscall.Open(args[0], syscall.O_RDONLY|syscall.O_DIRECTORY, 0); err {
	case nil:
		return 0
	case syscall.EINTR:
		return 7
	default:
		return fail(os.Stderr, "open: %v", err)
	}
}

func TestSignalState(t *testing.T) {
	status := func(own, shared, blocked, ignored, caught signals) string {
		return fmt.Sprintf("Name:\tls\nState:\tD (disk sleep)\nSigQ:\t0/1\nSigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\n",
			own, shared, blocked, ignored, caught)
	}
	of := func(all ...syscall.Signal) (set signals) {
		for _, s := range all {
			set |= 1 << (s - 1)
		}
		return set
	}
	for name, c := range map[string]struct {
		text string
		ends bool
	}{
		"nothing pending":   {status(0, 0, 0, 0, of(syscall.SIGINT)), false},
		"killed":            {status(of(syscall.SIGKILL), 0, ^signals(0), ^signals(0), ^signals(0)), true},
		"a preemption":      {status(of(syscall.SIGURG), 0, 0, 0, of(syscall.SIGURG)), false},
		"resized":           {status(0, of(syscall.SIGWINCH), 0, 0, 0), false},
		"stopped":           {status(0, of(syscall.SIGSTOP, syscall.SIGTSTP), 0, 0, 0), false},
		"handled":           {status(0, of(syscall.SIGUSR1, syscall.SIGALRM), 0, 0, of(syscall.SIGUSR1, syscall.SIGALRM)), false},
		"not handled":       {status(0, of(syscall.SIGUSR1), 0, 0, 0), true},
		"blocked":           {status(0, of(syscall.SIGTERM), of(syscall.SIGTERM), 0, 0), false},
		"ignored":           {status(0, of(syscall.SIGHUP), 0, of(syscall.SIGHUP), 0), false},
		"asked to end":      {status(0, of(syscall.SIGTERM), 0, 0, of(syscall.SIGTERM)), true},
		"quit":              {status(0, of(syscall.SIGQUIT), 0, 0, 0), true},
		"one of many kinds": {status(1<<40, 0, 0, 0, 0), true},
	} {
		if s, err := parseSignals([]byte(c.text)); err != nil || s.ends() != c.ends || !s.waits {
			t.Errorf("%s: %+v, ends: %v, error %v", name, s, s.ends(), err)
		}
	}
	for _, text := range []string{"", "SigPnd:\t0\n", "SigPnd:\tx\n"} {
		if _, err := parseSignals([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	if s, err := readSignals(syscall.Gettid()); err != nil || s.ends() {
		t.Errorf("of ourselves: %+v, error %v", s, err)
	}
	if _, err := readSignals(1 << 30); err == nil {
		t.Error("a thread that is not there has signals")
	}
}
