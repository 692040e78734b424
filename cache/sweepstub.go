package cache

import "context"

const attributesKey = "\x00attributes"

func (l *Listings) bySweep(context.Context, string) *Listing { return nil }
func (l *Listings) sweepPending(string) bool                 { return false }
func (l *Listings) sweepLane() (string, bool)                { return "", false }
func (l *Listings) attrsAhead(string, func(error)) bool      { return false }
