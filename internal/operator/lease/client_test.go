package lease

import (
	"errors"
	"reflect"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// Also those changes that a later version of the library adds.
func TestAClientSendsNoChangeWithoutTheLease(t *testing.T) {
	c := Client(fake.NewClientBuilder().Build(), NewFence(logr.Discard()))
	for name, writer := range map[string]struct {
		writer any
		kind   reflect.Type
	}{
		"an object":     {c, reflect.TypeFor[client.Writer]()},
		"a status":      {c.Status(), reflect.TypeFor[client.SubResourceWriter]()},
		"a subresource": {c.SubResource("scale"), reflect.TypeFor[client.SubResourceWriter]()},
	} {
		for method := range writer.kind.Methods() {
			t.Run(name+" "+method.Name, func(t *testing.T) {
				// Without the check the client would dereference what it is to send.
				call := reflect.ValueOf(writer.writer).MethodByName(method.Name)
				var arguments []reflect.Value
				for i := range call.Type().NumIn() - 1 {
					arguments = append(arguments, reflect.Zero(call.Type().In(i)))
				}
				if err, _ := call.Call(arguments)[0].Interface().(error); !errors.Is(err, ErrNotRenewed) {
					t.Errorf("it returns %v", err)
				}
			})
		}
	}
}

func TestWithoutAnElectionAClientIsItself(t *testing.T) {
	if c := fake.NewClientBuilder().Build(); Client(c, nil) != c {
		t.Error("it is another one")
	}
}
