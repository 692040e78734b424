package fs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// seen is what a caller sees while the service lies.
type seen int

const (
	failure  seen = iota // EIO
	truth                // what is so
	either               // one of them
	unopened             // all names, and EIO when the file is opened
)

// lie is a lie about one folder, or one file in it.
type lie struct {
	about string // names, sizes, link or bytes
	tell  tell
	seen  seen
	// broken says that it is a failure, but none of a malformed answer: of HTTP, or in time.
	broken bool
}

const film = "dir/film.mp4"

// lies are told by name.
func lies() map[string]lie {
	return map[string]lie{
		// What files.list says.
		"names: a login page":               {"names", page(), failure, false},
		"names: 100,000 lists":              {"names", nested(100_000, "[", "]"), failure, true},
		"names: 100,000 objects":            {"names", nested(100_000, `{"a":`, "}"), failure, true},
		"names: lists around many":          {"names", many(1, "", strings.Repeat("[", 4800)+strings.Repeat("[{}],", 100_000)+"[{}]"+strings.Repeat("]", 4800), ""), failure, true},
		"names: not Unicode":                {"names", swaps(`f000`, "f\xff"), failure, false},
		"names: half a surrogate":           {"names", swaps(`f000`, `\ud800`), failure, false},
		"names: that attack":                {"names", swaps(`"f000"`, `"f000","..",".","","\/etc\/passwd","a\/b","x\u0000y","../../x"`), truth, false},
		"names: an offset that stays":       {"names", swaps(`"__offset":"?\d+"?`, `"__offset":100`), failure, false},
		"names: an offset that falls":       {"names", swaps(`"__offset":200`, `"__offset":50`), failure, false},
		"names: a negative offset":          {"names", swaps(`"__offset":"?\d+"?`, `"__offset":-7`), failure, false},
		"names: an offset beyond numbers":   {"names", swaps(`"__offset":"?\d+"?`, `"__offset":1`+strings.Repeat("0", 400)), failure, false},
		"names: the count falls":            {"names", counts(-1), failure, false},
		"names: the count rises":            {"names", counts(1), truth, false},
		"names: fewer than are counted":     {"names", swaps(`"__file_count":"?\d+"?`, `"__file_count":5000`), truth, false},
		"names: marks that are none":        {"names", swaps(`"__is_loaded":"?-?\d"?`, `"__is_loaded":7`), failure, false},
		"names: of another folder":          {"names", swaps(`dir"`, `beside"`), failure, false},
		"names: the folder above":           {"names", data(`{"sestore4":{"__files":["a"],"__is_loaded":1}}`), failure, false},
		"names: a file is a number":         {"names", swaps(`"f000"`, `1.5`), failure, false},
		"names: two answers":                {"names", edits(func(right string) string { return right + right }), failure, false},
		"names: a notice before them":       {"names", edits(func(right string) string { return "Notice: x\n" + right }), failure, false},
		"names: success without data":       {"names", says(`{"status":"success","data":{"sestore4\/jb\/dir":17}}`), failure, false},
		"names: another status":             {"names", swaps(`"success"`, `"\u001b[2Jgreat"`), failure, true},
		"names: sent elsewhere":             {"names", under(307, "Location", "https://elsewhere.invalid/stable/"), failure, false},
		"names: sent to a file":             {"names", under(302, "Location", "file:///etc/passwd"), failure, false},
		"names: as another type":            {"names", under(200, "Content-Type", "image/png"), truth, false},
		"names: packed":                     {"names", packed(false), truth, false},
		"names: packed, and cut":            {"names", packed(true), failure, true},
		"names: packed, but are not":        {"names", under(200, "Content-Encoding", "gzip"), failure, false},
		"names: in a packing not asked for": {"names", under(200, "Content-Encoding", "br"), truth, false},
		"names: in HTTP/1.0":                {"names", oldHTTP(), truth, false},
		"names: shorter than said":          {"names", sized(100), failure, true},
		"names: longer than said":           {"names", sized(-10), failure, false},
		"names: answers before the answer":  {"names", informs(), failure, true},
		"names: 10 MB of headers":           {"names", heads(10 << 20), failure, true},

		// What v1 says of files.
		"sizes: a login page":          {"sizes", page(), failure, false},
		"sizes: sent elsewhere":        {"sizes", under(302, "Location", "https://elsewhere.invalid/v1/"), failure, false},
		"sizes: 100,000 lists":         {"sizes", nested(100_000, "[", "]"), failure, true},
		"sizes: of another folder":     {"sizes", swaps(`dir\\?/`, `beside/`), failure, false},
		"sizes: negative":              {"sizes", swaps(`"size":"?\d+"?`, `"size":-1`), unopened, false},
		"sizes: a fraction":            {"sizes", swaps(`"size":"?\d+"?`, `"size":17.5`), unopened, false},
		"sizes: 8 EiB":                 {"sizes", swaps(`"size":"?\d+"?`, `"size":9223372036854775807`), unopened, false},
		"sizes: beyond numbers":        {"sizes", swaps(`"size":"?\d+"?`, `"size":1e99`), unopened, false},
		"sizes: and a time in 9999999": {"sizes", swaps(`"modified":"[^"]*"`, `"modified":"9999999-01-01 00:00:00"`), truth, false},
		"sizes: and a negative time":   {"sizes", swaps(`"modified":"[^"]*"`, `"modified":-62135596800`), truth, false},
		"sizes: longer than said":      {"sizes", sized(-10), failure, false},

		// What v1 gives as the link to a file.
		"link: a login page":           {"link", page(), failure, false},
		"link: sent elsewhere":         {"link", under(302, "Location", "https://elsewhere.invalid/v1/"), failure, false},
		"link: to a file":              {"link", data(`{"url":"file:\/\/\/etc\/passwd"}`), failure, false},
		"link: by ftp":                 {"link", data(`{"url":"ftp:\/\/127.0.0.1\/film.mp4"}`), failure, false},
		"link: in plain text":          {"link", data(`{"url":"http:\/\/elsewhere.invalid\/film.mp4"}`), failure, false},
		"link: with a password":        {"link", data(`{"url":"https:\/\/a:b@elsewhere.invalid\/film.mp4"}`), failure, false},
		"link: to nobody":              {"link", data(`{"url":"https:\/\/127.0.0.1:1\/film.mp4"}`), failure, true},
		"link: no text":                {"link", data(`{"url":["https:\/\/x\/"]}`), failure, false},
		"link: to another file":        {"link", swaps(`film\.mp4`, `f001`), failure, false},
		"link: ends in 9999999":        {"link", swaps(`"expires":"[^"]*"`, `"expires":"9999999-01-01T00:00:00"`), truth, false},
		"link: more than ever is read": {"link", endless(`{"data":{"url":"https:`, `/x`), failure, false},

		// What the download host sends.
		"bytes: a login page":        {"bytes", page(), failure, false},
		"bytes: sent elsewhere":      {"bytes", under(302, "Location", "http://127.0.0.1:1/"), failure, false},
		"bytes: packed":              {"bytes", under(206, "Content-Encoding", "gzip"), failure, false},
		"bytes: of another place":    {"bytes", under(206, "Content-Range", "bytes 5-10/70000"), failure, false},
		"bytes: of nowhere":          {"bytes", under(206), failure, false},
		"bytes: answers before them": {"bytes", informs(), failure, true},
		"bytes: 10 MB of headers":    {"bytes", heads(10 << 20), failure, true},
	}
}

// A lie about one folder or file fails it alone: those beside it work, and so does it as
// soon as the lie ends. What is tolerable shows exactly what is so.
func TestLies(t *testing.T) {
	bulk(t)
	t.Parallel()
	log.SetOutput(io.Discard) // net/http tells there of what comes behind an answer
	for name, l := range lies() {
		t.Run(name, func(t *testing.T) {
			sampled(t, name)
			t.Parallel()
			tellLie(t, l)
		})
	}
}

// Lies of very many bytes cost little memory, and leave none in use.
func TestLiesOfManyBytes(t *testing.T) {
	lasting(t)
	bulk(t)
	const most = 1 << 30 // for all of them at once, under the race detector
	before := heapInUse()
	peak, stop := watchHeap()
	t.Run("all", func(t *testing.T) {
		for name, l := range liesOfManyBytes() {
			t.Run(name, func(t *testing.T) {
				sampled(t, name)
				t.Parallel()
				tellLie(t, l)
			})
		}
	})
	stop()
	if grown := peak.Load() - before; grown > most {
		t.Errorf("%d MiB were in use", grown>>20)
	}
	eventually(t, "what the lies took is free again", func() bool { return heapInUse()-before < 16<<20 })
}

// liesOfManyBytes are told by name. Most do not come to their end within the timeout.
func liesOfManyBytes() map[string]lie {
	names, sizes := `{"status":"success","data":{"sestore4/jb/dir":{"__files":["a"`, `{"errors":[],"data":[{"name":"a","path":"dir/a","size":1}`
	all := map[string]lie{
		"names: endless":                {"names", endless(names, `,"a"`), failure, true},
		"names: endless blanks":         {"names", endless("", " "), failure, true},
		"names: an endless page":        {"names", endless("<html>", "<p>"), failure, true},
		"names: one of 3 MB":            {"names", edits(longName), truth, false},
		"names: 10 GB of zeros, packed": {"names", bomb("", "\x00"), failure, true},
		"names: 10 GB of them, packed":  {"names", bomb(names, `,"a"`), failure, true},
		"sizes: 10 GB of zeros, packed": {"sizes", bomb("", "\x00"), failure, true},
		"sizes: 10 GB of them, packed":  {"sizes", bomb(sizes, `,{"name":"a","path":"dir/a","size":1}`), failure, true},
	}
	if long() { // 256 MB are read of it
		all["sizes: endless"] = lie{"sizes", endless(sizes, `,{"name":"a","path":"dir/a","size":1}`), either, true}
	}
	return all
}

// longName puts a name of 3 MB before the others.
func longName(right string) string {
	return strings.Replace(right, `"f000"`, `"`+strings.Repeat("a", 3_000_000)+`","f000"`, 1)
}

// heapInUse is how many bytes are in use, garbage left out.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC() // twice, as pools keep what they have for one
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// watchHeap notes how many bytes are in use at most, garbage included, until it is stopped.
func watchHeap() (peak *atomic.Int64, stop func()) {
	peak = new(atomic.Int64)
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for ticker := time.NewTicker(10 * time.Millisecond); ; {
			metrics.Read(sample)
			peak.Store(max(peak.Load(), int64(sample[0].Value.Uint64())))
			select {
			case <-ticker.C:
			case <-ended:
				ticker.Stop()
				return
			}
		}
	}()
	return peak, func() { close(ended); <-done }
}

// tellLie mounts a service, lets it lie, and looks at what is seen then and afterwards.
func tellLie(t *testing.T, l lie) {
	t.Helper()
	needFUSE(t)
	tree := apitest.NewTree(root)
	var names []string
	for i := range 250 { // three pages
		names = append(names, fmt.Sprintf("f%03d", i))
		tree.Add("dir/"+names[i], apitest.File{Size: int64(i), Kind: apitest.Video, Time: time.Unix(1_600_000_000, 0)})
	}
	names = append(names, "film.mp4")
	for _, dir := range []string{"dir", "beside"} {
		tree.Add(dir+"/film.mp4", apitest.File{Size: 70_000, Kind: apitest.Video, Time: time.Unix(1_600_000_000, 0)})
	}
	slices.Sort(names)
	service, err := apitest.New(apitest.Options{Tree: tree, Order: apitest.FolderOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	liar := newLiar(t, service)
	f := mountAccount(t, liar.account(), setup{timeout: l.timeout()})
	f.service = service

	told := map[string]tell{l.about + " " + root + "/" + film: l.tell}
	switch l.about {
	case "names":
		told = map[string]tell{"names " + root + "/dir": l.tell}
	case "sizes": // nothing comes with the answer about the folder above
		told = map[string]tell{"sizes " + root + "/dir": l.tell, "sizes " + root: under(http.StatusBadRequest)}
	}
	if l.about == "bytes" || l.about == "link" { // its size is known
		if info, err := os.Lstat(f.dir + "/" + film); err != nil || info.Size() != 70_000 {
			t.Fatalf("before: %v, error %v", info, err)
		}
	}
	liar.lies(told)
	lookAt(t, f, l, names)
	if got, err := os.ReadFile(f.dir + "/beside/film.mp4"); err != nil || !bytes.Equal(got, tree.Bytes("beside/film.mp4")) {
		t.Errorf("beside the lie: %d bytes, error %v", len(got), err)
	}
	if got, err := os.ReadDir(f.dir); err != nil || len(got) != 2 {
		t.Errorf("above the lie: %d names, error %v", len(got), err)
	}
	lookInto(t, f, l)
	stats, blocks := f.listings.Stats(), f.blocks.Stats()
	if l.seen == failure && !l.broken && stats.Malformed+blocks.Malformed == 0 {
		t.Errorf("no malformed answer was counted: %+v", stats)
	}
	if l.seen == failure && l.about == "names" && f.listings.Known(root+"/dir") != nil {
		t.Error("a listing is kept")
	}

	liar.lies(nil)
	if l.seen == unopened { // that is an answer, and is kept like any other
		f.unmount()
		f.mount(setup{})
	}
	eventually(t, "all is right", func() bool { // an error may be repeated for a second
		all, err := os.ReadDir(f.dir + "/dir")
		got, err2 := os.ReadFile(f.dir + "/" + film)
		return errors.Join(err, err2) == nil && slices.Equal(namesOf(all), names) && bytes.Equal(got, tree.Bytes(film))
	})
}

func namesOf(all []os.DirEntry) (names []string) {
	for _, e := range all {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// timeout is that of the mount which is lied to. What is tried again and again takes as
// long, twice, so it is as short as a busy machine allows for what goes on beside.
func (l lie) timeout() time.Duration {
	if l.seen == failure {
		return 6 * time.Second
	}
	return 20 * time.Second // what comes to a good end may take longer on a busy machine
}

// check checks an error that is seen while the service lies, and reports whether it is one.
func (l lie) check(t *testing.T, what string, err error) (failed bool) {
	t.Helper()
	switch {
	case err == nil && l.seen == failure:
		t.Errorf("%s: no error", what)
	case err != nil && (l.seen == truth || !errors.Is(err, syscall.EIO)):
		t.Errorf("%s: %v", what, err)
	}
	return err != nil
}

// lookAt checks what is seen of the folder while it, or the film in it, is lied about.
func lookAt(t *testing.T, f *fixture, l lie, names []string) {
	t.Helper()
	all, err := os.ReadDir(f.dir + "/dir")
	if l.about == "names" && l.check(t, "readdir", err) {
		return
	}
	if err != nil || !slices.Equal(namesOf(all), names) {
		t.Errorf("readdir: %d names, error %v", len(all), err)
	}
	if _, err := os.Lstat(f.dir + "/dir/none"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("lstat of a name that is not there: %v", err)
	}
}

// lookInto checks what is seen of the film.
func lookInto(t *testing.T, f *fixture, l lie) {
	t.Helper()
	info, err := os.Lstat(f.dir + "/" + film)
	if (l.about == "names" || l.about == "sizes") && l.seen != unopened && l.check(t, "lstat", err) {
		return
	}
	size := int64(70_000)
	if l.seen == unopened {
		size = 0
	}
	if err != nil || info.Size() != size {
		t.Fatalf("lstat: %+v, error %v", info, err)
	}
	if at := info.ModTime().Unix(); at != 1_600_000_000 && at != 0 {
		t.Errorf("lstat: a time of %v", info.ModTime())
	}
	got, err := os.ReadFile(f.dir + "/" + film)
	switch {
	case l.seen == unopened:
		wantErrno(t, "open", err, syscall.EIO)
	case !l.check(t, "read", err) && !bytes.Equal(got, f.service.Tree().Bytes(film)):
		t.Errorf("read: %d other bytes than the file's", len(got))
	}
}

// Each lie is in the table of docs/semantics.md.
func TestLiesAreInTheTable(t *testing.T) {
	document, err := os.ReadFile("../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	for test, told := range map[string]map[string]lie{"TestLies": lies(), "TestLiesOfManyBytes": liesOfManyBytes()} {
		for name := range told {
			if row := fmt.Sprintf("| `%s` (%s) |", test, name); !strings.Contains(string(document), row) {
				t.Errorf("there is no row %q", row)
			}
		}
	}
}
