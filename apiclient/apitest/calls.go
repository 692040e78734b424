package apitest

import (
	"maps"
	"sync"
)

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
	mu       sync.Mutex // protects what follows
	calls    Calls
	inFlight int
	faults   map[Call]int // calls by path and offset, for Fault
}

func newCounter() *counter {
	c := &counter{}
	c.reset()
	return c
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = Calls{Command: map[string]int{}, List: map[Call]int{}, MaxInFlight: c.inFlight}
	c.faults = map[Call]int{}
}

func (c *counter) snapshot() Calls {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.calls
	s.Command, s.List = maps.Clone(s.Command), maps.Clone(s.List)
	return s
}

func (c *counter) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Total++
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
