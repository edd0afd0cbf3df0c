package names

import (
	"context"
	"iter"
)

type answer[Q, A any] struct {
	question Q
	value    A
	err      error
}

// sideBySide asks every question, at most limit at once, and yields the answers as they come until the context ends.
// A look-up that outlives the context is left to end by itself.
func sideBySide[Q, A any](ctx context.Context, limit int, questions []Q, ask func(context.Context, Q) (A, error)) iter.Seq[answer[Q, A]] {
	return func(yield func(answer[Q, A]) bool) {
		pending := make(chan Q, len(questions))
		for _, question := range questions {
			pending <- question
		}
		close(pending)

		answers := make(chan answer[Q, A], len(questions))
		for range max(1, min(limit, len(questions))) {
			go func() {
				for question := range pending {
					if ctx.Err() != nil {
						return
					}
					value, err := ask(ctx, question)
					answers <- answer[Q, A]{question, value, err}
				}
			}()
		}

		for range questions {
			select {
			case <-ctx.Done():
				return
			case answer := <-answers:
				if !yield(answer) {
					return
				}
			}
		}
	}
}
