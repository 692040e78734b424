package cache

import "context"

func (l *Listings) bySweep(context.Context, string) *Listing { return nil }
func (l *Listings) sweepPending(string) bool                 { return false }
func (l *Listings) sweepLane() (string, bool)                { return "", false }
