package cache

import "sync/atomic"

// counters count since the cache was made.
type counters struct {
	hits, loads, failed, harvested, stale, hidden atomic.Int64
}

// Stats is what a cache holds and has done.
type Stats struct {
	Folders int   // with a listing or the start of one in memory
	Entries int64 // in all listings in memory
	Bytes   int64 // of Options.Memory in use

	Hits      int64 // answered from memory
	Loads     int64 // loads begun
	Failed    int64 // loads that failed
	Harvested int64 // listings that came with the answer about another folder
	Stale     int64 // expired listings shown because the service failed
	Hidden    int64 // names left out because no file system may show them
}

// Stats returns a snapshot. It does not touch the network.
func (l *Listings) Stats() Stats {
	s := Stats{
		Hits:      l.counters.hits.Load(),
		Loads:     l.counters.loads.Load(),
		Failed:    l.counters.failed.Load(),
		Harvested: l.counters.harvested.Load(),
		Stale:     l.counters.stale.Load(),
		Hidden:    l.counters.hidden.Load(),
	}
	s.Folders, s.Entries, s.Bytes = l.store.totals()
	return s
}
