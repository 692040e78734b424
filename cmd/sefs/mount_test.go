package main

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is wrong with the command line, the mount point or the credentials is found
// without a word to the service, in this order.
func TestMountRefusedBeforeTheService(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ []string
		args    []string // after `mount`; MNT is the mount point
		code    int
		want    []string
	}{
		{"no arguments", nil, nil, exitUsage, []string{"REMOTE and MOUNTPOINT", "sefs mount REMOTE MOUNTPOINT"}},
		{"no mount point", nil, []string{remote}, exitUsage, []string{"MOUNTPOINT is missing"}},
		{"too many arguments", nil, []string{remote, "MNT", "x"}, exitUsage, []string{`"x"`}},
		{"unknown flag", nil, []string{"--tll=5m", remote, "MNT"}, exitUsage, []string{"--tll", "sefs mount --help"}},
		{"secret as a flag", nil, []string{"--api-secret=hush", remote, "MNT"}, exitUsage, []string{"SEFS_API_SECRET", "--api-secret-file"}},
		{"secret after one dash", nil, []string{"-api-secret=hush", remote, "MNT"}, exitUsage, []string{"unknown shorthand flag: 'a'"}},
		{"config file for all to write", []string{"SEFS_CONFIG=MNT/../writable"}, []string{remote, "MNT"}, exitUsage, []string{"0666", "chmod go-w"}},
		{"flag without value", nil, []string{remote, "MNT", "--ttl"}, exitUsage, []string{"--ttl"}},
		{"bad flag", nil, []string{"--ttl=x", remote, "MNT"}, exitUsage, []string{"--ttl"}},
		{"bad variable", []string{"SEFS_TTL=x"}, []string{remote, "MNT"}, exitUsage, []string{"SEFS_TTL"}},
		{"bad remote", nil, []string{"jb", "MNT"}, exitUsage, []string{"sestore4/jb", "sefs storages"}},
		{"remote before mount point", nil, []string{"jb", "/nowhere"}, exitUsage, nil},
		{"empty mount point", nil, []string{remote, ""}, exitUsage, []string{"MOUNTPOINT is empty"}},
		{"missing mount point", nil, []string{remote, "/nowhere/at/all"}, exitMountpoint, []string{"mkdir -p /nowhere/at/all"}},
		{"a file", nil, []string{remote, "MNT/../file"}, exitMountpoint, []string{"no folder"}},
		{"not empty", nil, []string{remote, "MNT/.."}, exitMountpoint, []string{"not empty"}},
		{"a mount of another kind", nil, []string{remote, "/proc"}, exitMountpoint, []string{"/proc", "already a mount (proc)"}},
		{"a link to such a mount", nil, []string{remote, "MNT/../link"}, exitMountpoint, []string{"already a mount (proc)"}},
		{"links in a circle", nil, []string{remote, "MNT/../circle"}, exitMountpoint, []string{"symbolic links"}},
		{"mount point before credentials", []string{"SEFS_API_KEY="}, []string{remote, "/nowhere"}, exitMountpoint, nil},
		{"no key", []string{"SEFS_API_KEY="}, []string{remote, "MNT"}, exitCredentials, []string{"--api-key"}},
		{"no secret", []string{"SEFS_API_SECRET="}, []string{remote, "MNT"}, exitCredentials, []string{"SEFS_API_SECRET", "--api-secret-file"}},
		{"secret file for all", nil, []string{"--api-secret-file=MNT/../file", remote, "MNT"}, exitCredentials, []string{"0644", "chmod 600"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.newHandler(func(http.ResponseWriter, *http.Request) { t.Error("the service was called") })
			for _, e := range test.environ {
				w.set(strings.ReplaceAll(e, "MNT", w.mountpoint))
			}
			w.write("file", "hush", 0o644)
			w.write("writable", "", 0o666)
			for name, target := range map[string]string{"link": "/proc", "circle": "circle"} {
				if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"mount"}
			for _, a := range test.args {
				args = append(args, strings.ReplaceAll(a, "MNT", w.mountpoint))
			}
			r := w.sefs(args...)
			w.wantFailure(r, test.code, test.want...)
			if strings.Contains(r.stderr, "hush") {
				t.Errorf("a secret is told: %s", r.stderr)
			}
		})
	}
}

// What the service refuses is told in one line, from the background as in the
// foreground, and nothing stays.
func TestMountRefusedByTheService(t *testing.T) {
	needFUSE(t)
	clock := func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", time.Now().Add(90*time.Minute).UTC().Format(http.TimeFormat))
		refusing("0002")(rw, r)
	}
	empty := answering(200, `{"status":"success","data":[]}`)
	for _, test := range []struct {
		name   string
		handle http.HandlerFunc // nil: the stand-in
		set    []string
		remote string
		code   int
		want   []string
	}{
		{name: "wrong key", set: []string{"SEFS_API_KEY=other"}, code: exitCredentials, want: []string{"0001", "--api-key"}},
		{name: "wrong secret", set: []string{"SEFS_API_SECRET=hush"}, code: exitCredentials, want: []string{"0003", "SEFS_API_SECRET"}},
		{name: "no access", handle: refusing("0005"), code: exitCredentials, want: []string{"0005"}},
		{name: "forbidden", handle: answering(403, "<html>"), code: exitCredentials, want: []string{"403"}},
		{name: "clock", handle: clock, code: exitClock, want: []string{"is 1h", "behind", "timedatectl"}},
		{name: "clock, nothing known", handle: refusing("0002"), code: exitClock, want: []string{"clock"}},
		{name: "unknown folder", remote: "sestore4/jb/nothing", code: exitRemote,
			want: []string{"sestore4/jb/nothing", "sestore4)", "--allow-empty"}},
		{name: "empty, storages unknown", handle: empty, code: exitRemote, want: []string{remote, "--allow-empty"}},
		{name: "empty, and known", handle: answering(200, `{"status":"success","data":{"sestore4\/jb":[{"__files":[],"__is_loaded":1}]}}`),
			code: exitRemote, want: []string{remote, "--allow-empty"}},
		{name: "a code nobody knows", handle: refusing("0404"), code: exitRemote, want: []string{"refuses " + remote, "0404"}},
		{name: "nobody there", set: []string{"SEFS_API_URL=" + unusedAddress}, code: exitService, want: []string{"connection refused", "--api-url"}},
		{name: "unknown host", set: []string{"SEFS_API_URL=https://nobody.invalid/"}, code: exitService, want: []string{"nobody.invalid", "--api-url"}},
		{name: "failing", handle: answering(503, "busy"), code: exitService, want: []string{"failing", "503"}},
		{name: "overloaded", handle: refusing("1000"), code: exitService, want: []string{"failing", "1000"}},
		{name: "no API", handle: answering(200, "<html>hello"), code: exitService, want: []string{"failing", "HTML"}},
	} {
		for _, way := range []string{"--foreground=false", "--foreground"} {
			t.Run(test.name+" "+way, func(t *testing.T) {
				w := newWorld(t)
				if test.handle != nil {
					w.newHandler(test.handle)
				} else {
					w.newService()
				}
				w.set(test.set...)
				r := w.sefs("mount", way, "--log-level=error", cmp.Or(test.remote, remote), w.mountpoint)
				w.wantFailure(r, test.code, test.want...)
				if strings.Contains(r.stderr, "hush") {
					t.Errorf("a secret is told: %s", r.stderr)
				}
			})
		}
	}
}

func TestMountGivesUpOnSilence(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newSilence()
	w.wantFailure(w.sefs("mount", "--timeout=500ms", remote, w.mountpoint), exitService, "no answer", "--timeout", "--api-url")
}

func TestMountAllowEmpty(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", "--allow-empty", "sestore4/jb/nothing", w.mountpoint))
	if names := w.list(w.mountpoint); len(names) != 0 {
		t.Errorf("an empty folder shows %q", names)
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

func TestMountWithoutFUSE(t *testing.T) {
	needFUSE(t)
	const devices = "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; "
	for _, test := range []struct {
		name, script string
		want         []string
	}{
		{"no device", devices + `exec $sefs mount "$@"`, []string{"no /dev/fuse", "modprobe fuse", "--device /dev/fuse"}},
		{"no driver", devices + `mknod /dev/fuse c 10 254; exec $sefs mount "$@"`, []string{"no /dev/fuse"}},
		{"device not for all", devices + `mknod -m 600 /dev/fuse c 10 229; exec setpriv --reuid=65534 --clear-groups $sefs mount "$@"`,
			[]string{"/dev/fuse cannot be opened", "permission denied"}},
		{"root without the capability", `PATH=/nowhere exec ` + tool(t, "setpriv") + ` --bounding-set=-sys_admin $sefs mount "$@"`,
			[]string{"no right to mount", "fusermount3"}},
		{"a helper, but not for others", `printf '#!/bin/sh\n' > $HOME/fusermount3; chmod 755 $HOME/fusermount3; PATH=$HOME exec ` + tool(t, "setpriv") + ` --bounding-set=-sys_admin $sefs mount --allow-other "$@"`,
			[]string{"--allow-other", "user_allow_other"}},
		{"a helper that fails", `printf '#!/bin/sh\nexit 1\n' > $HOME/fusermount3; chmod 755 $HOME/fusermount3; PATH=$HOME exec ` + tool(t, "setpriv") + ` --bounding-set=-sys_admin $sefs mount "$@"`,
			[]string{"cannot be mounted"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.newService()
			if err := os.Chmod(w.mountpoint, 0o777); err != nil {
				t.Fatal(err)
			}
			w.letOthersIn()
			w.wantFailure(w.inNamespace(test.script, remote, w.mountpoint), exitFUSE, test.want...)
		})
	}
}

func TestForegroundEndsWithSignal(t *testing.T) {
	needFUSE(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			w := newWorld(t)
			w.newService()
			w.set("SEFS_LOG_FILE=") // stderr
			r := w.start("mount", "-f", remote, w.mountpoint)
			w.waitMounted(w.mountpoint)
			w.wantNames(w.mountpoint, "film.mp4", "series")
			r.signal(s)
			end := r.end()
			w.wantDone(end)
			if end.stdout != "" || !strings.Contains(end.stderr, "msg=unmounted") {
				t.Errorf("stdout %q, stderr %q", end.stdout, end.stderr)
			}
		})
	}
}

func TestForegroundInterruptedBeforeMounted(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	asked := w.newSilence()
	r := w.start("mount", "-f", remote, w.mountpoint)
	w.wait("the service to be asked", asked)
	r.signal(syscall.SIGINT)
	w.wantFailure(r.end(), exitFailed, "interrupted", "nothing is mounted")
}

// nohup's wish is kept: a closed terminal does not end the mount.
func TestForegroundIgnoresHangupUnderNohup(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	r := w.begin("sh", "-c", `trap "" HUP; exec "$@"`, "sh", os.Getenv(programVariable), "mount", "-f", remote, w.mountpoint)
	w.waitMounted(w.mountpoint)
	r.signal(syscall.SIGHUP)
	w.wantNames(w.mountpoint, "film.mp4", "series")
	r.signal(syscall.SIGTERM)
	w.wantDone(r.end())
}

func TestForegroundEndsWithUnmount(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	r := w.start("mount", "-f", remote, w.mountpoint)
	w.waitMounted(w.mountpoint)
	w.wantDone(w.sefs("unmount", w.mountpoint))
	end := r.end()
	w.wantDone(end)
	if want := "sefs: " + w.mountpoint + ": unmounted from outside\n"; end.stderr != want {
		t.Errorf("the log is in a file; stderr is %q, want %q", end.stderr, want)
	}
}

func TestForegroundLogsJSON(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_LOG_FILE=")
	r := w.start("mount", "-f", "--log-format=json", remote, w.mountpoint)
	w.waitMounted(w.mountpoint)
	r.signal(syscall.SIGTERM)
	end := r.end()
	w.wantDone(end)
	for _, line := range strings.Split(strings.TrimSpace(end.stderr), "\n") {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestMountShowsSettings(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", "--uid=1234", "--gid=2345", "--file-mode=0440", "--dir-mode=0550", remote, w.mountpoint))
	for name, mode := range map[string]os.FileMode{"film.mp4": 0o440, "series": os.ModeDir | 0o550, ".": os.ModeDir | 0o550} {
		info, err := os.Lstat(filepath.Join(w.mountpoint, name))
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if info.Mode() != mode || st.Uid != 1234 || st.Gid != 2345 {
			t.Errorf("%s: %v %d:%d, want %v 1234:2345", name, info.Mode(), st.Uid, st.Gid, mode)
		}
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

// Variables that are no options are told of and do no harm.
func TestMountIgnoresUnknownVariables(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_SERVICE_HOST=10.0.0.1")
	r := w.sefs("mount", remote, w.mountpoint)
	w.wantDone(r)
	if !strings.Contains(r.stderr, "SEFS_SERVICE_HOST") {
		t.Errorf("nothing is said of the variable: %q", r.stderr)
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

// Of several that mount on one folder at once, one does, and the others say so.
func TestMountSeveralAtOnce(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	var all []*running
	for range 4 {
		all = append(all, w.start("mount", remote, w.mountpoint))
	}
	done := 0
	for _, r := range all {
		switch r := r.end(); {
		case r.code == exitDone:
			done++
		case r.code != exitMountpoint:
			t.Errorf("exit code %d: %s", r.code, r.stderr)
		}
	}
	if n := len(w.mounts()); done != 1 || n != 1 {
		t.Errorf("%d succeeded, %d mounts", done, n)
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

// A part ".." behind a link leads where the kernel goes.
func TestMountPointBehindALink(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	place := filepath.Join(w.dir, "far", "place")
	for _, dir := range []string{place, filepath.Join(w.dir, "far", "deep"), filepath.Join(w.dir, "place")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(w.dir, "far", "deep"), filepath.Join(w.dir, "link2")); err != nil {
		t.Fatal(err)
	}
	path := w.dir + "/link2/../place"
	w.wantDone(w.sefs("mount", remote, path))
	w.wantNames(place, "film.mp4", "series")
	w.wantDone(w.sefs("unmount", path))
	w.wantFailure(w.sefs("mount", remote, w.dir+"/nothing/../place"), exitMountpoint, "does not exist")
}
