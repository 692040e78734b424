package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soak is one mount that is used in all ways while its tree changes and its service fails,
// and compared with the model.
type soak struct {
	t     *testing.T
	name  string
	f     *fixture
	model *model
	// age is how old anything shown may be: the TTL, and as long as a call to the service may
	// take, since who waits for one gets what it brings.
	age time.Duration

	mu          sync.Mutex // protects what follows
	done        map[string]int
	good        map[string]int
	failed      map[string]int
	differences int
}

// op notes an operation.
func (s *soak) op(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[what]++
	var code syscall.Errno
	switch {
	case errors.As(err, &code):
		s.failed[what+": "+code.Error()]++
	case err != nil:
		s.failed[what]++
	}
	if err == nil {
		s.good[what]++
	}
}

// differ fails the test, as the mount and the model differ on a path.
func (s *soak) differ(at string, from, to time.Time, format string, args ...any) {
	s.mu.Lock()
	s.differences++
	n := s.differences
	s.mu.Unlock()
	if n <= 10 {
		s.t.Errorf("%s: %q: %s; the model has%s", s.name, at, fmt.Sprintf(format, args...), s.model.describe(at, from, to))
	}
}

// error notes an operation that failed, and compares why.
func (s *soak) error(what, at string, err error, from, to time.Time) {
	var code syscall.Errno
	s.op(what, err)
	if !errors.As(err, &code) || !s.model.explains(at, code, from, to) {
		s.differ(at, from, to, "%s: %v", what, err)
	}
}

// list lists a folder.
func (s *soak) list() {
	at, _ := s.model.some('d')
	began := time.Now()
	entries, err := os.ReadDir(filepath.Join(s.f.dir, at))
	from, to := began.Add(-s.age), time.Now()
	if err != nil {
		s.error("list", at, err, from, to)
		return
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = e.IsDir()
	}
	s.op("list", nil)
	s.compareNames(at, names, from, to)
}

// compareNames compares the names and kinds that were listed. A folder that was removed may be shown as an empty one by who has it
// open: the service says the same of both.
func (s *soak) compareNames(at string, names map[string]bool, from, to time.Time) {
	got := folderText(names)
	if !s.model.any(at, from, to, func(p moment) bool {
		return p.kind == 'd' && p.names == got || p.kind == 0 && got == ""
	}) {
		s.differ(at, from, to, "it shows %q", got)
	}
}

// compareWalked is compareNames for what a walker tells: it looks at the kinds later than it
// reads the names, so each has to be right for itself.
func (s *soak) compareWalked(at string, names map[string]bool, from, to time.Time) {
	plain := map[string]bool{}
	for name, isDir := range names {
		plain[name] = false
		if below := strings.TrimPrefix(at+"/"+name, "/"); !s.model.any(below, from, to, is(kindOf(isDir))) {
			s.differ(below, from, to, "its kind is shown as %c", kindOf(isDir))
		}
	}
	got := folderText(plain)
	if !s.model.any(at, from, to, func(p moment) bool {
		return p.kind == 'd' && withoutKinds(p.names) == got || p.kind == 0 && got == ""
	}) {
		s.differ(at, from, to, "it shows %q", got)
	}
}

func kindOf(isDir bool) byte {
	if isDir {
		return 'd'
	}
	return 'f'
}

// withoutKinds takes the marks of folders out of what namesOf made.
func withoutKinds(names string) string {
	return strings.Join(sorted(strings.Fields(strings.ReplaceAll(names, "/", ""))), " ")
}

// look looks at a path that is there, or was.
func (s *soak) look() {
	at, ok := s.model.some([]byte{'f', 'f', 'd', 0}[rand.IntN(4)])
	if !ok {
		return
	}
	began := time.Now()
	info, err := os.Lstat(filepath.Join(s.f.dir, at))
	from, to := began.Add(-s.age), time.Now()
	if err != nil {
		s.error("stat", at, err, from, to)
		return
	}
	s.op("stat", nil)
	s.compareInfo(at, info.IsDir(), info.Size(), from, to)
	s.compareNumber(at, info.IsDir(), info.Sys().(*syscall.Stat_t).Ino)
}

// compareNumber compares an inode number: whatever happens, it is that of the path.
func (s *soak) compareNumber(at string, isDir bool, got uint64) {
	kind := uint32(syscall.S_IFREG)
	if isDir {
		kind = syscall.S_IFDIR
	}
	if want := s.f.mounted.tree.inode(root+"/"+at, kind); at != "" && got != want {
		s.differ(at, time.Now(), time.Now(), "folder %v, inode number %d, want %d", isDir, got, want)
	}
}

// compareInfo compares attributes. A size may show as 0 if v1 does not know the file.
func (s *soak) compareInfo(at string, isDir bool, size int64, from, to time.Time) {
	if !s.model.any(at, from, to, func(p moment) bool {
		return isDir && p.kind == 'd' || !isDir && p.kind == 'f' && (p.file.Size == size ||
			size == 0 && s.model.onTheWay(at, from, to, func(p moment) bool { return p.kind != 'f' }))
	}) {
		s.differ(at, from, to, "folder %v, size %d", isDir, size)
	}
}

// read opens a file, reads some of it at random, and may keep it open for a while.
func (s *soak) read() {
	at, ok := s.model.some('f')
	if !ok {
		return
	}
	began := time.Now()
	file, err := os.Open(filepath.Join(s.f.dir, at))
	if err != nil {
		s.error("open", at, err, began.Add(-s.age), time.Now())
		return
	}
	defer func() { _ = file.Close() }()
	s.op("open", nil)
	var pieces []piece
	for range 1 + rand.IntN(4) {
		if rand.IntN(8) == 0 {
			time.Sleep(rand.N(2 * soakTTL))
		}
		p := piece{offset: rand.Int64N(400 << 10), data: make([]byte, 1+rand.IntN(128<<10))}
		n, err := file.ReadAt(p.data, p.offset)
		if err != nil && !errors.Is(err, io.EOF) {
			s.error("read", at, err, began.Add(-s.age), time.Now())
			break
		}
		s.op("read", nil)
		p.data, p.end = p.data[:n], err != nil
		if n > 0 {
			pieces = append(pieces, p)
		}
	}
	// With bytes of no file, what the end of it was is not compared: it is that of the
	// attributes, for which a size of 0 may stand.
	if len(pieces) > 0 {
		s.compareBytes(at, pieces, began.Add(-s.age), time.Now())
	}
}

// compareBytes compares what was read with one open file: it is all of one version.
func (s *soak) compareBytes(at string, pieces []piece, from, to time.Time) {
	for i := range pieces {
		if !pieces[i].end { // one that just reaches the end cannot know
			pieces[i].end = s.model.any(at, from, to, func(p moment) bool {
				return p.file.Size == pieces[i].offset+int64(len(pieces[i].data))
			})
		}
	}
	if !s.model.any(at, from, to, func(p moment) bool { return p.kind == 'f' && holds(at, p.file, pieces) }) {
		s.differ(at, from, to, "%d pieces, the first at %d of %d bytes, are of no one version", len(pieces), pieces[0].offset, len(pieces[0].data))
	}
}

// cat reads all of a file, by a process that may be killed while it does.
func (s *soak) cat(over context.Context) {
	at, ok := s.model.some('f')
	if !ok {
		return
	}
	limit := patience
	if rand.IntN(2) == 0 {
		limit = rand.N(30 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(over, limit)
	defer cancel()
	began := time.Now()
	data, err := exec.CommandContext(ctx, "cat", filepath.Join(s.f.dir, at)).Output()
	switch {
	case over.Err() != nil:
		return
	case ctx.Err() == nil:
		s.op("cat", err)
	case limit == patience:
		s.differ(at, began, time.Now(), "cat does not end")
	default:
		s.op("killed cat", nil)
	}
	if err == nil && len(data) > 0 {
		s.compareBytes(at, []piece{{0, data, true}}, began.Add(-s.age), time.Now())
	}
}

// walk walks the mount, by find or by ls -lR.
func (s *soak) walk(over context.Context) {
	args := []string{"find", s.f.dir, "-printf", `%y %P\n`}
	parse := s.found
	if rand.IntN(2) == 0 {
		args, parse = []string{"ls", "-AilR", "--time-style=+%s", s.f.dir}, s.longList
	}
	ctx, cancel := context.WithTimeout(over, 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var errs strings.Builder
	cmd.Stderr = &errs
	began := time.Now()
	out, err := cmd.Output()
	from, to := began.Add(-s.age), time.Now()
	if over.Err() != nil {
		return
	}
	if ctx.Err() != nil {
		s.differ("", from, to, "%s does not end", args[0])
	}
	s.op(args[0], err)
	// Folders that had an error in them were not listed, or not all of them.
	broken := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(errs.String()), "\n") {
		s.complaint(line, broken, from, to)
	}
	for dir, names := range parse(string(out), from, to) {
		if !broken[dir] {
			s.op("listed by "+args[0], nil)
			s.compareWalked(dir, names, from, to)
		}
	}
}

// complaint compares an error that a walk told of: "ls: cannot access '/mnt/x': Input/output error".
func (s *soak) complaint(line string, broken map[string]bool, from, to time.Time) {
	if line == "" {
		return
	}
	_, rest, _ := strings.Cut(line, s.f.dir)
	at, why, ok := strings.Cut(rest, ": ")
	at = strings.Trim(at, "/'")
	// find compares a folder with those above it by numbers of a second look at each. Where that
	// fails, for two folders in a chain, it takes nothing for the same as nothing.
	if at, _, loop := strings.Cut(at, "' is part of the same file system loop"); loop {
		dir, _ := parent(at)
		broken[at], broken[dir] = true, true
		return
	}
	codes := map[string]syscall.Errno{"Input/output error": syscall.EIO, "Stale file handle": syscall.ESTALE,
		"No such file or directory": syscall.ENOENT, "Not a directory": syscall.ENOTDIR}
	if !ok || !s.model.explains(at, codes[why], from, to) {
		s.differ(at, from, to, "%s", line)
	}
	broken[at] = true
	if at != "" {
		dir, _ := parent(at)
		broken[dir] = true
	}
}

// found parses what find prints.
func (s *soak) found(out string, _, _ time.Time) map[string]map[string]bool {
	folders := map[string]map[string]bool{}
	for line := range strings.Lines(out) {
		kind, at, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if kind == "d" {
			folders[at] = map[string]bool{}
		}
		if at == "" {
			continue
		}
		dir, name := parent(at)
		if folders[dir] != nil {
			folders[dir][name] = kind == "d"
		}
	}
	return folders
}

// longList parses what ls -lR prints, and compares the attributes in it.
func (s *soak) longList(out string, from, to time.Time) map[string]map[string]bool {
	folders := map[string]map[string]bool{}
	var dir string
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if at, ok := strings.CutPrefix(line, s.f.dir); ok && strings.HasSuffix(at, ":") {
			dir = strings.Trim(at, "/:")
			folders[dir] = map[string]bool{}
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		name, isDir := fields[7], fields[1][0] == 'd'
		folders[dir][name] = isDir
		if !strings.Contains(fields[1], "?") { // else it told of an error, too
			number, _ := strconv.ParseUint(fields[0], 10, 64)
			s.compareNumber(filepath.Join(dir, name), isDir, number)
			size, _ := strconv.ParseInt(fields[5], 10, 64)
			s.compareInfo(filepath.Join(dir, name), isDir, size, from, to)
		}
	}
	return folders
}

// use does what users do until ctx ends.
func (s *soak) use(ctx context.Context) {
	walk, cat := func() { s.walk(ctx) }, func() { s.cat(ctx) }
	var all sync.WaitGroup
	for _, user := range [][]func(){
		{s.list, s.look, s.read}, {s.list, s.look, s.read}, {s.list, s.look, s.read}, {s.list, s.look, s.read},
		{s.list, s.look}, {s.list, s.look}, {s.read}, {s.read}, {walk}, {cat, walk},
	} {
		all.Go(func() {
			for ctx.Err() == nil {
				user[rand.IntN(len(user))]()
				time.Sleep(rand.N(3 * time.Millisecond))
			}
		})
	}
	all.Wait()
}

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}
