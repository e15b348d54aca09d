package travis

import (
	"encoding/json"
	"time"
)

// page is a list of builds as the API returns it.
type page struct {
	Type       string `json:"@type"`
	Pagination struct {
		IsLast bool `json:"is_last"`
	} `json:"@pagination"`
	Builds []answer `json:"builds"`
}

type answer struct {
	ID          int64      `json:"id"`
	Number      string     `json:"number"`
	State       string     `json:"state"`
	Duration    *int64     `json:"duration"`
	EventType   string     `json:"event_type"`
	PullRequest *int       `json:"pull_request_number"`
	StartedAt   *time.Time `json:"started_at"`
	FinishedAt  *time.Time `json:"finished_at"`
	Branch      named      `json:"branch"`
	Tag         named      `json:"tag"`
	Commit      struct {
		SHA     string `json:"sha"`
		Message string `json:"message"`
	} `json:"commit"`
}

// named is the name of a branch or a tag. The API documents a tag as a string and sends an object, or null.
type named string

func (n *named) UnmarshalJSON(data []byte) error {
	var o struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(data, &o); err == nil {
		*n = named(o.Name)
		return nil
	}
	return json.Unmarshal(data, (*string)(n))
}

func (a answer) build() Build {
	b := Build{
		ID: a.ID, Number: a.Number, State: a.State, Event: a.EventType, Branch: string(a.Branch), Tag: string(a.Tag),
		Commit: a.Commit.SHA, Message: a.Commit.Message, DurationSeconds: a.Duration, StartedAt: a.StartedAt, FinishedAt: a.FinishedAt,
	}
	if a.PullRequest != nil {
		b.PullRequest = *a.PullRequest
	}
	// The duration of a running build is that of its finished jobs only.
	if a.FinishedAt == nil {
		b.DurationSeconds = nil
	}
	return b
}
