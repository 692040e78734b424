package main

import (
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryKey is spoken of where its default is made smaller.
const memoryKey = "memory"

// cgroupLimit is how many bytes of memory the process may use by its cgroup; 0 if none
// says so.
func cgroupLimit() uint64 {
	limit, err := memlimit.FromCgroup()
	if err != nil {
		return 0 // no cgroup, no limit in it, or no right to look: nothing to go by
	}
	return limit
}

// fitMemory makes a budget that nobody chose a quarter of what the process may use at
// most: there is as much again outside of it, and contents of files that the kernel caches
// may count too.
func (s *settings) fitMemory(limit uint64) {
	if most := max(limit/4, minMemory); limit > 0 && most < uint64(s.memory) {
		s.memory, s.memoryLimit = int64(most), limit
	}
}

// logMemory tells of a budget that is smaller than the default.
func (s *settings) logMemory(log *slog.Logger) {
	if s.memoryLimit > 0 {
		log.Info("the cgroup limits memory, so less is used; --memory says how much",
			"memory", s.memory, "limit", s.memoryLimit)
	}
}
