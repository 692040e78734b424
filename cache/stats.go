package cache

import "sync/atomic"

// counters count since the cache was made.
type counters struct {
	hits, loads, failed, harvested, stale, hidden, ahead atomic.Int64
	attrLoads, singles, unknown, renewals                atomic.Int64
	sweeps, swept, sweepsFailed, malformed               atomic.Int64
}

// Stats is what a cache holds and has done.
type Stats struct {
	Folders int   // with a listing or the start of one in memory
	Entries int64 // in all listings in memory
	Content int64 // bytes of all files whose sizes are in memory
	Bytes   int64 // of Options.Memory in use for them

	Hits      int64 // answered from memory
	Loads     int64 // loads begun
	Failed    int64 // loads that failed
	Malformed int64 // of those, that an answer was none, or contradicted others
	Ahead     int64 // of Loads and AttrLoads, those begun before anybody waited for them
	Harvested int64 // listings that came with the answer about another folder
	Stale     int64 // expired listings shown because the service failed
	Failing   bool  // whether that is so now
	Outages   int64 // how often it began
	Hidden    int64 // names left out because no file system may show them

	AttrLoads int64 // loads of a folder's attributes begun
	Singles   int64 // calls for single files that their folder's attributes did not tell
	Unknown   int64 // of those, files whose size is not known afterwards either

	Renewals     int64 // loads begun for readers of what was soon to expire
	Sweeps       int64 // calls for small folders, many at once
	Swept        int64 // of Harvested, those that came with them
	SweepsFailed int64 // of Sweeps, those that the service refused or whose answer was not believed
}

// Stats returns a snapshot. It does not touch the network.
func (l *Listings) Stats() Stats {
	s := Stats{
		Hits:      l.counters.hits.Load(),
		Loads:     l.counters.loads.Load(),
		Failed:    l.counters.failed.Load(),
		Malformed: l.counters.malformed.Load(),
		Ahead:     l.counters.ahead.Load(),
		Harvested: l.counters.harvested.Load(),
		Stale:     l.counters.stale.Load(),
		Hidden:    l.counters.hidden.Load(),
		AttrLoads: l.counters.attrLoads.Load(),
		Singles:   l.counters.singles.Load(),
		Unknown:   l.counters.unknown.Load(),
		Renewals:  l.counters.renewals.Load(),

		Sweeps:       l.counters.sweeps.Load(),
		Swept:        l.counters.swept.Load(),
		SweepsFailed: l.counters.sweepsFailed.Load(),
	}
	s.Failing, s.Outages = l.outage.state()
	m := l.store.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Folders, s.Entries, s.Content, s.Bytes = l.store.slots.Len(), l.store.entries, l.store.content, l.store.bytes
	return s
}
