package apiclient

// Waiting returns how many calls wait for a slot, and how many of those nobody waits for.
func (c *Client) Waiting() (calls, ahead int) { return c.slots.waiting() }

// WaitingForContents is Waiting for requests for contents.
func (c *Client) WaitingForContents() (calls, ahead int) { return c.ranges.waiting() }

func (s *slots) waiting() (calls, ahead int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place := s.waiters.Front(); place != nil; place = place.Next() {
		if place.Value.(*waiter).class > forCaller {
			ahead++
		}
	}
	return s.waiters.Len(), ahead
}

// WaitingForLink returns how many wait for the call for a link that is under way, -1 if
// there is none.
func (c *Client) WaitingForLink(path string) int {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	if call := c.links.calls[path]; call != nil {
		return call.waiting
	}
	return -1
}

// LinkIsWanted reports whether there is such a call, and somebody wants it.
func (c *Client) LinkIsWanted(path string) bool {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	call := c.links.calls[path]
	if call == nil {
		return false
	}
	_, alone := unwanted(call.ctx)
	return !alone
}
