package apiclient

import "sync/atomic"

// Stats tells how a client has fared with its services, since it was made.
type Stats struct {
	List, V1, Download ServiceStats
	// Limit is how many calls may be in flight now, and DownloadLimit how many requests
	// for contents.
	Limit, DownloadLimit int
}

// ServiceStats counts for one service.
type ServiceStats struct {
	Failures int64 // attempts that failed in a way that may pass
	Retries  int64 // attempts after those
	Opens    int64 // how often it was left alone, as it answered nothing
	Probes   int64 // attempts that were to find out whether it answers again
	Open     bool  // whether it is left alone now
}

// counters are those of one service.
type counters struct{ failures, retries, opens, probes atomic.Int64 }

func (s *service) stats() ServiceStats {
	_, open := s.breaker.isOpen()
	return ServiceStats{
		Failures: s.failures.Load(), Retries: s.retries.Load(), Opens: s.opens.Load(), Probes: s.probes.Load(), Open: open,
	}
}

// Stats returns the client's counters.
func (c *Client) Stats() Stats {
	return Stats{
		List: c.list.stats(), V1: c.v1.stats(), Download: c.contents.stats(),
		Limit: c.slots.now(), DownloadLimit: c.ranges.now(),
	}
}
