package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"sefs/apiclient"
	"sefs/cache"
	"sefs/fs"
)

// remoteFiles is what serves a mount, and the verbs that do without one: the client of
// the service with the caches before it.
type remoteFiles struct {
	settings *settings
	log      *slog.Logger
	client   *apiclient.Client
	listings *cache.Listings
	blocks   *cache.Blocks
}

// newRemote makes what serves the files below remote. It makes no call.
func newRemote(s *settings, secret, remote string, log *slog.Logger) (*remoteFiles, error) {
	client, err := newClient(s, secret, remote, log)
	if err != nil {
		return nil, err
	}
	var lister cache.Lister = client
	var sweeper cache.Sweeper
	switch {
	case s.lister == "v1":
		lister = apiclient.FilesLister{Client: client}
	case len(s.types) == 1:
		sweeper = client
	}
	memory := cache.NewMemory(s.memory, log)
	return &remoteFiles{
		settings: s,
		log:      log,
		client:   client,
		listings: cache.New(cache.Options{
			Lister:      lister,
			Sweeper:     sweeper,
			Describer:   client,
			TTL:         s.ttl,
			Stale:       s.stale,
			Timeout:     s.timeout,
			LoadTimeout: s.loadTimeout,
			Memory:      memory,
			Root:        remote,
			AllowEmpty:  s.allowEmpty,
			Ahead:       s.ahead(),
			Log:         log,
		}),
		blocks: cache.NewBlocks(cache.BlocksOptions{
			Opener:    client,
			Memory:    memory,
			TTL:       s.ttl,
			Timeout:   s.timeout,
			Downloads: s.downloads,
			Log:       log,
		}),
	}, nil
}

// ahead is how many loads may run that nobody waits for. More than calls can be in flight
// would only wait for each other.
func (s *settings) ahead() int {
	if !s.prefetch {
		return 0
	}
	return s.concurrency
}

// limitHeap makes the collector work harder: it would let garbage take as much again as
// is kept, and most of what is kept are blocks without pointers, which cost it nothing. What
// the variables of the Go runtime say counts more.
func limitHeap(memory int64) {
	const rest = 64 << 20 // for all that is not counted
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory + memory/4 + rest)
	}
}

// newClient returns a client for the account of the settings.
func newClient(s *settings, secret, remote string, log *slog.Logger) (*apiclient.Client, error) {
	o := apiclient.Options{
		URL:                 s.apiURL,
		Key:                 s.apiKey,
		Secret:              secret,
		CDN:                 s.cdn,
		Types:               s.types,
		Concurrency:         s.concurrency,
		DownloadConcurrency: s.downloads,
		Timeout:             s.timeout,
		Roots:               s.roots,
		AllowHTTP:           s.allowHTTP,
		Log:                 log,
	}
	if remote != "" {
		if user := account(remote); strings.Contains(s.filesURL, "{user}") && !isHostPart(user) {
			return nil, fail(exitUsage, "the account %q of REMOTE cannot be part of a host's name: give the address of the v1 API with --files-url", user)
		}
		o.FilesURL = s.filesAddress(remote)
	}
	if s.lister == "v1" {
		o.URL = ""
	}
	for _, address := range []string{o.URL, o.FilesURL} {
		if apiclient.IsClearText(address) {
			log.Warn("plain http: whoever is on the way can read the credentials and the files (--allow-http)", "host", hostOf(address))
		}
	}
	return apiclient.New(o)
}

// filesAddress is the address of the v1 API for the account that remote belongs to.
func (s *settings) filesAddress(remote string) string {
	return strings.ReplaceAll(s.filesURL, "{user}", account(remote))
}

// account is the second part of a remote path.
func account(remote string) string {
	_, rest, _ := strings.Cut(remote, "/")
	user, _, _ := strings.Cut(rest, "/")
	return user
}

// isHostPart reports whether text stays within the name of a host when it is put into
// an address. What does not could send the secret elsewhere.
func isHostPart(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// settle waits until requests can be told from those of a process before this one. Only
// the command API minds.
func (r *remoteFiles) settle(ctx context.Context) error {
	if r.settings.lister == "v1" {
		return nil
	}
	return r.client.Settle(ctx)
}

// options is how the files below root are shown.
func (r *remoteFiles) options(root string) fs.Options {
	s := r.settings
	return fs.Options{
		Listings:      r.listings,
		Blocks:        r.blocks,
		StreamUnknown: s.streamUnknown,
		Prefetch:      s.prefetch,
		Root:          root,
		TTL:           s.ttl,
		UID:           s.uid, GID: s.gid,
		FileMode: s.fileMode, DirMode: s.dirMode,
		AllowOther: s.allowOther,
		NoExec:     s.noExec,
		Log:        r.log,
		Debug:      s.debug,
	}
}

// close ends all loads.
func (r *remoteFiles) close() {
	r.listings.Close()
	r.blocks.Close()
	r.client.Close()
}
