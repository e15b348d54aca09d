package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Admission answers one admission request: admission.Allowed, admission.Denied, admission.Patched.
type Admission func(*admissionv1.AdmissionRequest) admission.Response

// Mutate registers a mutating webhook for the creates and updates of resources (such as pods, statefulsets) of the namespace. It is served
// by HTTPS, and removed at the end of the test.
func (ns *Namespace) Mutate(answer Admission, resources ...string) {
	ns.t.Helper()
	name := "mutate." + ns.Name + ".example.com"
	hook := admissionregistrationv1.MutatingWebhook{
		Name: name, ClientConfig: ns.serveWebhook(name, answer), Rules: rulesFor(resources), FailurePolicy: ptr.To(admissionregistrationv1.Fail),
		NamespaceSelector: ns.selector(), SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
	}
	config := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}, Webhooks: []admissionregistrationv1.MutatingWebhook{hook}}
	hooks := ns.Clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err := hooks.Create(ns.t.Context(), config, metav1.CreateOptions{})
	ok(ns.t, err)
	ns.t.Cleanup(func() { _ = hooks.Delete(context.Background(), name, metav1.DeleteOptions{}) }) //nolint:errcheck // the API server ends soon
}

// Validate is Mutate for a validating webhook. Without an answer the webhook is down, with the failure policy Fail. remove ends it.
func (ns *Namespace) Validate(answer Admission, resources ...string) (remove func()) {
	ns.t.Helper()
	name := "validate." + ns.Name + ".example.com"
	hook := admissionregistrationv1.ValidatingWebhook{
		Name: name, ClientConfig: ns.serveWebhook(name, answer), Rules: rulesFor(resources), FailurePolicy: ptr.To(admissionregistrationv1.Fail),
		NamespaceSelector: ns.selector(), SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
	}
	config := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}, Webhooks: []admissionregistrationv1.ValidatingWebhook{hook}}
	hooks := ns.Clients.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := hooks.Create(ns.t.Context(), config, metav1.CreateOptions{})
	ok(ns.t, err)
	remove = sync.OnceFunc(func() { _ = hooks.Delete(context.Background(), name, metav1.DeleteOptions{}) }) //nolint:errcheck // the API server ends soon
	ns.t.Cleanup(remove)
	return remove
}

func (ns *Namespace) selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": ns.Name}}
}

func rulesFor(resources []string) []admissionregistrationv1.RuleWithOperations {
	return []admissionregistrationv1.RuleWithOperations{{
		Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
		Rule:       admissionregistrationv1.Rule{APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: resources},
	}}
}

// serveWebhook serves the answers of a webhook; without any, the address is one where nothing listens.
func (ns *Namespace) serveWebhook(name string, answer Admission) admissionregistrationv1.WebhookClientConfig {
	ns.t.Helper()
	options := &ns.plane.WebhookInstallOptions
	at := net.JoinHostPort(options.LocalServingHost, fmt.Sprint(options.LocalServingPort))
	if answer == nil {
		at = net.JoinHostPort(options.LocalServingHost, "1")
	} else {
		ok(ns.t, ns.webhooks.serve(at, options.LocalServingCertDir, "/"+name, answer))
	}
	return admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://" + at + "/" + name), CABundle: options.LocalServingCAData}
}

// webhookServer serves the webhooks of all tests, with the certificate that envtest has created.
type webhookServer struct {
	mu     sync.Mutex
	server *http.Server
	mux    *http.ServeMux
}

func (s *webhookServer) serve(at, certificates, path string, answer Admission) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		listener, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		s.mux = http.NewServeMux()
		s.server = &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second}
		server := s.server
		go server.ServeTLS(listener, filepath.Join(certificates, "tls.crt"), filepath.Join(certificates, "tls.key")) //nolint:errcheck // it ends with stop
	}
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
			http.Error(w, fmt.Sprint("no AdmissionReview: ", err), http.StatusBadRequest)
			return
		}
		response := answer(review.Request)
		if err := response.Complete(admission.Request{AdmissionRequest: *review.Request}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		review.Response, review.Request = &response.AdmissionResponse, nil
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review) //nolint:errcheck // the API server may have gone
	})
	return nil
}

func (s *webhookServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		_ = s.server.Close() //nolint:errcheck // the end
	}
}
