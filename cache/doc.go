// Package cache keeps listings of remote folders and sees to it that each is
// asked for once, however many callers want it.
//
// [Listings.Get] answers from memory while a listing is younger than the TTL.
// Otherwise one load runs for all callers of that folder, under a context of its
// own: a caller that leaves takes nothing from the others, and the load goes on,
// so that the next try finds what it brought. A load ends with a whole listing or
// an error, and an error is never kept as an answer.
//
// What a load tells of sub-folders is harvested: those told whole become listings
// of their own and cost no call later, those cut short become the start of their
// own load.
//
// Small folders come by a sweep where a walk wants them: one call about their parent, at
// the offset of one that is known, brings that one again and as many of the next as a
// page has room for. What an offset counts is not known, so the answer counts only if it
// begins with the known one, unchanged, and goes on as the parent's listing does.
//
// [Listings.Attr] adds what v1 says of files, a folder at a time, aged like the listing.
//
// What is used when little of its TTL is left is renewed behind its readers.
//
// [Blocks] keeps pieces of files. A [Content] is one version of a file, an [Opened] one
// reader of it: a block is loaded once for all who want it, and a load goes on as long as
// anybody does. Bytes of two versions never get into one Content. [Blocks.Expect] loads
// small files before they are opened.
//
// Everything kept counts against one budget in bytes, a [Memory]; what was used longest
// ago goes first. Expired listings stay while there is room: they are shown while the
// service fails (see Options.Stale), and a refresh that finds no change shares
// their memory.
package cache
