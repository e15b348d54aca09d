// Package apply writes objects to the API server by server-side apply: only what differs, by the owners of the fields, and never an
// object of the same name that another user created.
package apply
