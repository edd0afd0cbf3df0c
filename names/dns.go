package names

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience limits how long all lookups of a resolver together wait for the DNS. If the DNS is down, a listing is only
// this much slower, and shows numbers.
const patience = 4500 * time.Millisecond

// maxLookups is the number of lookups that run at once.
const maxLookups = 64

// askDNS looks up all questions in parallel. It passes each answer that arrives in time to remember, one after another.
// A lookup that ignores the end of its context goes on in the background, and its answer is lost.
func askDNS[Question, Answer any](ctx context.Context, waited *time.Duration, questions []Question,
	lookup func(context.Context, Question) (Answer, error), remember func(Question, Answer, error)) {
	if len(questions) == 0 {
		return
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience-*waited)
	defer func() {
		cancel()
		*waited += time.Since(start)
	}()

	answers := make(chan func(), len(questions)) // with room for late answers
	go func() {
		defer close(answers)
		var lookups errgroup.Group
		lookups.SetLimit(maxLookups)
		for _, question := range questions {
			if ctx.Err() != nil {
				break
			}
			lookups.Go(func() error {
				answer, err := lookup(ctx, question)
				answers <- func() { remember(question, answer, err) }
				return nil
			})
		}
		_ = lookups.Wait()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case rememberAnswer, ok := <-answers:
			if !ok {
				return
			}
			rememberAnswer()
		}
	}
}
