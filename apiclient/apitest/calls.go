package apitest

import (
	"iter"
	"maps"
	"slices"
	"sync"
)

// maxRanges is how many requests for contents are remembered.
const maxRanges = 10_000

// Call is one request for a listing, as the server understood it.
type Call struct {
	Path   string // full path
	Offset int    // -1: none was sent
	Type   string // the default, "video", if none was sent
}

// Calls counts what was asked of a server.
type Calls struct {
	Total       int            // requests, whatever became of them
	Command     map[string]int // requests in order, by command
	List        map[Call]int   // those of files.list
	Rejected    int            // requests that were refused
	Replays     int            // requests that were sent before, byte for byte
	MaxInFlight int            // most requests that were being answered at one time
	LastRefusal string         // why the last refused request was refused

	V1        int            // requests of v1, whatever became of them; Total leaves them out
	Files     map[Ask]int    // those in order of /v1/files: Kind, Path, Recursive and Alone are set
	Links     map[string]int // those in order of /v1/download, by full path
	Content   int            // requests to the download host, whatever became of them
	Ranges    []Ask          // the last 10,000 of them that were in order
	ContentOf map[string]int64
	// ContentBytes is how many bytes of contents were sent to clients, ContentOf the same by full path.
	ContentBytes int64
	MaxDownloads int // most contents that were being answered at one time
	Leaks        int // requests that had credentials where they do not belong
}

// FilesTotal returns how many calls of /v1/files there were.
func (c Calls) FilesTotal() int { return total(maps.Values(c.Files)) }

// LinksTotal returns how many calls of /v1/download there were.
func (c Calls) LinksTotal() int { return total(maps.Values(c.Links)) }

func total(numbers iter.Seq[int]) int {
	n := 0
	for k := range numbers {
		n += k
	}
	return n
}

// Path returns how many calls of files.list there were for a full path, whatever their offset and type.
func (c Calls) Path(full string) int {
	n := 0
	for call, k := range c.List {
		if call.Path == full {
			n += k
		}
	}
	return n
}

// counter counts the calls of a server.
type counter struct {
	mu        sync.Mutex // protects what follows
	calls     Calls
	inFlight  int
	downloads int
	faults    map[Call]int // calls by path and offset, for Fault
	asks      map[Ask]int  // asks by kind and path, for AskFault
}

func newCounter() *counter {
	c := &counter{}
	c.reset()
	return c
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = Calls{Command: map[string]int{}, List: map[Call]int{}, MaxInFlight: c.inFlight, MaxDownloads: c.downloads}
	c.faults, c.asks = map[Call]int{}, map[Ask]int{}
}

func (c *counter) snapshot() Calls {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.calls
	s.Command, s.List = maps.Clone(s.Command), maps.Clone(s.List)
	s.Files, s.Links, s.ContentOf = maps.Clone(s.Files), maps.Clone(s.Links), maps.Clone(s.ContentOf)
	s.Ranges = slices.Clone(s.Ranges[max(len(s.Ranges)-maxRanges, 0):])
	return s
}

// begin counts a request of the command API, or of v1, that is being answered until end.
func (c *counter) begin(v1 bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v1 {
		c.calls.V1++
	} else {
		c.calls.Total++
	}
	c.inFlight++
	c.calls.MaxInFlight = max(c.calls.MaxInFlight, c.inFlight)
}

func (c *counter) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
}

func (c *counter) replayed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Replays++
}

func (c *counter) refused(r *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Rejected++
	c.calls.LastRefusal = r.Error()
}

// accepted counts a request that is in order and returns the how-manieth it is for its path and offset.
func (c *counter) accepted(r request) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Command[r.command]++
	if r.command == listCommand {
		c.calls.List[r.call]++
	}
	k := Call{Path: r.call.Path, Offset: r.call.Offset}
	c.faults[k]++
	return c.faults[k]
}

// asked counts an ask that is in order and returns the how-manieth it is for its kind and path.
func (c *counter) asked(a Ask) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a.Kind {
	case AskFiles:
		count(&c.calls.Files, a, 1)
	case AskLink:
		count(&c.calls.Links, a.Path, 1)
	case AskContent:
		if len(c.calls.Ranges) >= 2*maxRanges {
			c.calls.Ranges = append(c.calls.Ranges[:0], c.calls.Ranges[maxRanges:]...)
		}
		c.calls.Ranges = append(c.calls.Ranges, a)
	}
	k := Ask{Kind: a.Kind, Path: a.Path}
	c.asks[k]++
	return c.asks[k]
}

// count adds to a number in a map, which is made if need be.
func count[K comparable, N int | int64](m *map[K]N, key K, n N) {
	if *m == nil {
		*m = map[K]N{}
	}
	(*m)[key] += n
}

func (c *counter) beginDownload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Content++
	c.downloads++
	c.calls.MaxDownloads = max(c.calls.MaxDownloads, c.downloads)
}

func (c *counter) endDownload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.downloads--
}

// sent counts bytes of the file at a full path that are being sent; a negative number takes some back.
func (c *counter) sent(full string, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.ContentBytes += n
	count(&c.calls.ContentOf, full, n)
}

func (c *counter) leaked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Leaks++
}
