package fs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
)

// program is one that needs one kind of request, and what it must print.
type program struct {
	kind  string
	run   []string
	shows func(out string) string // what of its output counts
	want  string
	whole bool                   // where it fails it may print nothing, not even a part
	again func() (string, error) // does the same without a program
}

// programs are one for each kind of request.
func (b *broken) programs() []program {
	var names, sizes []string
	files, _ := b.tree.PathsOf("includeinvalid")
	for _, path := range files {
		file, _ := b.tree.File(path)
		dir, name := filepath.Split(path)
		switch dir {
		case "dir/":
			names = append(names, name)
		case "deep/sized/":
			sizes = append(sizes, fmt.Sprintf("%d %s", file.Size, name))
		}
	}
	all := []program{
		{kind: ofListing, run: []string{"find", b.dir + "/dir", "-mindepth", "1", "-printf", `%P\n`}, whole: true,
			shows: func(out string) string { return strings.Join(sorted(strings.Fields(out)), "\n") },
			want:  strings.Join(names, "\n"), again: func() (string, error) { return b.names("dir") }},
		{kind: ofSizes, run: []string{"ls", "-ln", "--time-style=+", b.dir + "/deep/sized"}, shows: sizesOf,
			want: strings.Join(sizes, "\n"), again: func() (string, error) { return b.stats("deep/sized") }},
	}
	for name, kind := range map[string]string{"link.mp4": ofLink, "film.mp4": ofContent} {
		path := b.dir + "/films/" + name
		all = append(all, program{kind: kind, run: []string{"cat", path}, shows: func(out string) string { return out },
			want: string(b.tree.Bytes("films/" + name)), again: func() (string, error) {
				data, err := os.ReadFile(path)
				return string(data), err
			}})
	}
	return all
}

// names are the names in a folder, a line each.
func (b *broken) names(dir string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(b.dir, dir))
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, "\n"), err
}

// stats are the sizes and names in a folder, a line each.
func (b *broken) stats(dir string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(b.dir, dir))
	var all []string
	for _, e := range entries {
		info, err := os.Lstat(filepath.Join(b.dir, dir, e.Name()))
		if err != nil {
			return "", err
		}
		all = append(all, fmt.Sprintf("%d %s", info.Size(), e.Name()))
	}
	return strings.Join(all, "\n"), err
}

// sizesOf are the sizes and names that ls -ln printed of files of which it knew them.
func sizesOf(out string) string {
	var all []string
	for line := range strings.SplitSeq(out, "\n") {
		if of := strings.Fields(line); len(of) == 6 && !strings.Contains(line, "?") {
			all = append(all, of[4]+" "+of[5])
		}
	}
	return strings.Join(all, "\n")
}

// each runs a check of each program for which the fault makes sense, all at once.
func (b *broken) each(f fault, check func(p program)) {
	var all sync.WaitGroup
	for _, p := range b.programs() {
		if kind, _, _ := strings.Cut(p.kind, " "); f.sense(kind) {
			all.Go(func() { check(p) })
		}
	}
	all.Wait()
}

// right runs a program that has to succeed, and to print the truth.
func (b *broken) right(when string, p program) {
	out, errs, err := b.run(p.run[0], p.run[1:]...)
	if err != nil || errs != "" || p.shows(out) != p.want {
		b.t.Errorf("%s, %s: %v: %.300s%s", when, p.kind, err, errs, differ(p.want, p.shows(out)))
	}
}

// heals waits until what a program does shows the truth. Until then it is an error.
func (b *broken) heals(p program) {
	eventually(b.t, p.kind+" is right afterwards", func() bool {
		got, err := p.again()
		if err == nil && got != p.want || err != nil && !isFailure(err) {
			b.t.Errorf("afterwards, %s: %v%s", p.kind, err, differ(p.want, got))
			return true
		}
		return err == nil
	})
}

// differ tells two outputs apart, in short.
func differ(want, got string) string {
	switch {
	case want == got:
		return ""
	case len(want) > 100_000:
		return fmt.Sprintf("\n%d bytes, other than the %d of the file", len(got), len(want))
	}
	return fmt.Sprintf("\n%.2000s", cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
}

// failed matches what programs print of an error that a failure may be.
var failed = regexp.MustCompile(`Input/output error|Permission denied`)

// isFailure reports whether an error is what a failure may be.
func isFailure(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EACCES)
}

// fails runs a program that has to fail with an error that says so, and may print nothing
// that is not true.
func (b *broken) fails(when string, p program) {
	began := time.Now()
	out, errs, err := b.run(p.run[0], p.run[1:]...)
	// A second or two for each thing that it asks for, and time to start.
	if took := time.Since(began); took > 20*time.Second {
		b.t.Errorf("%s, %s: took %v", when, p.kind, took)
	}
	if err == nil || !failed.MatchString(errs) || strings.Contains(errs, "No such file") {
		b.t.Errorf("%s, %s: %v: %.300s", when, p.kind, err, errs)
	}
	if got := p.shows(out); p.whole && got != "" || !strings.HasPrefix(p.want, got) {
		b.t.Errorf("%s, %s: printed what is not so:%s", when, p.kind, differ(p.want, got))
	}
}

// known checks what needs no request, and a folder that no fault is about.
func (b *broken) known() {
	if got, err := b.names(""); err != nil || got != "deep\ndir\nfilms\nknown\nother" {
		b.t.Errorf("the known root: %q, %v", got, err)
	}
	if got, err := b.stats("known"); err != nil || got != fiveSizes {
		b.t.Errorf("the known folder: %q, %v", got, err)
	}
	if err := syscall.Statfs(b.dir, &syscall.Statfs_t{}); err != nil {
		b.t.Errorf("statfs: %v", err)
	}
}

// fiveSizes is what stats shows of a folder with five small files.
const fiveSizes = "1000 0.mp4\n1001 1.mp4\n1002 2.mp4\n1003 3.mp4\n1004 4.mp4"
