package fs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// versions are the ways in which a new version of a file can be told, with what the
// service says of each.
func versions() map[string]struct {
	v1      apitest.V1Options
	content apitest.ContentOptions
	change  func(*apitest.File)
} {
	type way = struct {
		v1      apitest.V1Options
		content apitest.ContentOptions
		change  func(*apitest.File)
	}
	timed := apitest.V1Options{Time: apitest.TimeUnix}
	sameSize := func(f *apitest.File) { f.Version++; f.Time = f.Time.Add(time.Hour) }
	return map[string]way{
		"another size": {change: func(f *apitest.File) { f.Version++; f.Size += 1000 }},
		"another time": {v1: timed, content: apitest.ContentOptions{Validators: apitest.ValidatorsNone}, change: sameSize},
		"another ETag": {content: apitest.ContentOptions{Validators: apitest.ValidatorETag}, change: sameSize},
		"another date": {content: apitest.ContentOptions{Validators: apitest.ValidatorLastModified}, change: sameSize},
		"all of it":    {v1: timed, change: func(f *apitest.File) { f.Version++; f.Size -= 1000; f.Time = f.Time.Add(time.Hour) }},
		"nothing":      {content: apitest.ContentOptions{Validators: apitest.ValidatorsNone}, change: sameSize},
	}
}

// versionTTL is a TTL that all steps of a test fit into on a slow machine.
const versionTTL = 3 * time.Second

// A new version of a file is right on the next open once the TTL is over. Who has the
// old one open keeps what was read of it, and gets ESTALE for the rest: never bytes of
// both. That holds for read and for mmap.
func TestVersions(t *testing.T) {
	bulk(t)
	const size = 6 << 20
	for name, way := range versions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ttl := versionTTL
			if name == "nothing" {
				ttl *= 4 // a version lasts no longer, so all reads of it have to be done within it
			}
			tree := fileOf(size)
			f := mount(t, setup{service: apitest.Options{Tree: tree, V1: way.v1, Content: way.content}, ttl: ttl})
			path := f.dir + "/film.mp4"
			before := tree.Bytes("film.mp4")
			old, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = old.Close() }()
			head := make([]byte, 100_000)
			if _, err := old.ReadAt(head, 0); err != nil || !bytes.Equal(head, before[:len(head)]) {
				t.Fatalf("the old version: error %v", err)
			}
			oldInfo, err := old.Stat()
			if err != nil {
				t.Fatal(err)
			}
			mapped := f.hold(path)

			tree.Change("film.mp4", way.change)
			after := tree.Bytes("film.mp4")
			time.Sleep(ttl + 200*time.Millisecond)

			fresh, err := os.Open(path)
			if err != nil {
				t.Fatalf("the new version: %v", err)
			}
			defer func() { _ = fresh.Close() }()
			if got, err := io.ReadAll(fresh); err != nil || !bytes.Equal(got, after) {
				t.Errorf("the new version: %d bytes, of the old one: %v, error %v", len(got), bytes.Equal(got, before), err)
			}
			freshInfo, err := fresh.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if !os.SameFile(oldInfo, freshInfo) {
				t.Error("the inode number is another one")
			}

			// Where nothing tells versions apart, it is only the kernel that has them by now, and
			// it may have dropped them.
			_, err = old.ReadAt(head, 0)
			if gone := name == "nothing" && errors.Is(err, syscall.ESTALE); !gone && (err != nil || !bytes.Equal(head, before[:len(head)])) {
				t.Errorf("the old version's pages: error %v, of the new one: %v", err, bytes.Equal(head, after[:len(head)]))
			}
			if info, err := old.Stat(); err != nil || info.Size() != size {
				t.Errorf("the old handle's size: %v, error %v", info.Size(), err)
			}
			if _, err := old.ReadAt(head, size-1_000_000); !errors.Is(err, syscall.ESTALE) {
				t.Errorf("what was not read of the old version: error %v, want ESTALE", err)
			}
			if got := mapped(); got != string(before[:4096]) {
				t.Error("the old version's mapped page has other bytes")
			}
			if got := f.deed("mmap", path, "0"); got != string(after[:4096]) {
				t.Error("the new version by mmap: other bytes")
			}
			if used := f.must("sha256sum", path); !strings.HasPrefix(used, fmt.Sprintf("%x", sum(after))) {
				t.Error("sha256sum is another one")
			}
		})
	}
}

// A change within the TTL, while a file is being read: an error, or the old version. The
// next open is right, where the change can be seen.
func TestChangeWhileReading(t *testing.T) {
	for name, way := range versions() {
		if name == "nothing" || name == "another time" {
			continue // not to be seen within the TTL
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size = 16 << 20
			tree := fileOf(size)
			f := mount(t, setup{service: apitest.Options{Tree: tree, V1: way.v1, Content: way.content}})
			before := tree.Bytes("film.mp4")
			file, err := os.Open(f.dir + "/film.mp4")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			first := make([]byte, 1<<20)
			if _, err := io.ReadFull(file, first); err != nil {
				t.Fatal(err)
			}
			tree.Change("film.mp4", way.change)
			rest, err := io.ReadAll(file)
			if !errors.Is(err, syscall.ESTALE) || !bytes.HasPrefix(before, append(first, rest...)) {
				t.Errorf("error %v, %d bytes", err, len(rest))
			}
			for range 2 {
				if got, err := os.ReadFile(f.dir + "/film.mp4"); err != nil || !bytes.Equal(got, tree.Bytes("film.mp4")) {
					t.Errorf("the next open: %d bytes, error %v", len(got), err)
				}
			}
		})
	}
}

// While nothing changes, a file that is opened again after the TTL costs a look at its
// version and no bytes.
func TestUnchangedFileIsNotFetchedAgain(t *testing.T) {
	bulk(t)
	for name, way := range versions() {
		if name == "nothing" {
			continue // nothing says that it is the same
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := fileOf(3 << 20)
			f := mount(t, setup{service: apitest.Options{Tree: tree, V1: way.v1, Content: way.content}, ttl: versionTTL})
			for i := range 2 {
				time.Sleep(time.Duration(i) * (versionTTL + 200*time.Millisecond))
				if got, err := os.ReadFile(f.dir + "/film.mp4"); err != nil || !bytes.Equal(got, tree.Bytes("film.mp4")) {
					t.Errorf("%d bytes, error %v", len(got), err)
				}
			}
			if n := f.service.Calls().ContentBytes; n > 3<<20+10 {
				t.Errorf("%d bytes were fetched of %d", n, 3<<20)
			}
		})
	}
}

// A file that is gone, though still listed, fails with ESTALE for who has read of it, and
// with EIO for who has not: it may be of a kind that cannot be downloaded.
func TestFileIsGone(t *testing.T) {
	tree := fileOf(1 << 20)
	tree.Add("other.srt", apitest.File{Size: 1000, Kind: apitest.Other})
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	file, err := os.Open(f.dir + "/film.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.ReadAt(make([]byte, 1000), 0); err != nil {
		t.Fatal(err)
	}
	f.sizes()
	for _, name := range []string{"film.mp4", "other.srt"} {
		tree.Change(name, func(f *apitest.File) { f.V1 = apitest.V1Absent })
	}
	f.service.RevokeLinks()
	_, err = file.ReadAt(make([]byte, 1000), 900_000)
	wantErrno(t, "read of what was open", err, syscall.ESTALE)
	for range 2 {
		_, err = os.ReadFile(f.dir + "/other.srt")
		wantErrno(t, "read of what was not", err, syscall.EIO)
	}
}
