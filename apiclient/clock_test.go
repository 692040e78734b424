package apiclient

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// stampOf is the clock's stamp where slots are always free.
func stampOf(ctx context.Context, c *clock, body string) (int64, error) {
	second, release, err := c.stamp(ctx, body, func(context.Context) (func(), error) { return func() {}, nil })
	if err == nil {
		release()
	}
	return second, err
}

func TestClockGivesEachSecondOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now)
		begin := time.Now()
		seen := map[int64]bool{}
		for i := range 20 {
			second, err := stampOf(t.Context(), c, "body")
			if err != nil {
				t.Fatal(err)
			}
			if seen[second] {
				t.Fatalf("second %d was given out twice", second)
			}
			seen[second] = true
			if ahead := second - time.Now().Unix(); ahead < 0 || ahead > maxAhead {
				t.Fatalf("stamp %d is %d s ahead of the clock", i, ahead)
			}
		}
		// Three are free at once; each further one takes a second.
		if took := time.Since(begin); took < 16*time.Second || took > 18*time.Second {
			t.Errorf("20 stamps took %v", took)
		}
	})
}

func TestClockKeepsBodiesApart(t *testing.T) {
	now := time.Unix(1700000000, 0)
	c := newClock(func() time.Time { return now })
	for i := range 10_000 {
		second, err := stampOf(t.Context(), c, itoa(i))
		if err != nil || second != now.Unix() {
			t.Fatalf("body %d: second %d, error %v", i, second, err)
		}
	}
	now = now.Add(time.Hour)
	for i := range 10_000 {
		if _, err := stampOf(t.Context(), c, itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.used) > 15_000 {
		t.Errorf("%d stamps are kept", len(c.used))
	}
}

func TestClockWaitEndsWithContext(t *testing.T) {
	now := time.Unix(1700000000, 0) // stands still
	c := newClock(func() time.Time { return now })
	ctx, cancel := context.WithCancel(t.Context())
	for range maxAhead + 1 {
		if _, err := stampOf(ctx, c, "body"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := stampOf(ctx, c, "body"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestClockIsCorrected(t *testing.T) {
	now := time.Unix(1700000000, 0)
	c := newClock(func() time.Time { return now })
	if skew := c.correct(now.Add(-time.Hour)); skew != -time.Hour {
		t.Errorf("skew %v", skew)
	}
	if second, err := stampOf(t.Context(), c, "body"); err != nil || second != now.Unix()-3600 {
		t.Errorf("stamp %d, error %v", second, err)
	}
}

func TestSettleWaitsForTheNextSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Millisecond)
		c, err := New(Options{URL: "https://host/", Key: "k", Secret: "s", CDN: 1, Types: []string{"video"}})
		if err != nil {
			t.Fatal(err)
		}
		made := time.Now().Unix()
		for range 2 { // the second time there is nothing to wait for
			if err := c.Settle(t.Context()); err != nil || time.Now().Unix() != made+1 {
				t.Errorf("error %v; made in %d, it is %d", err, made, time.Now().Unix())
			}
		}
	})
}
