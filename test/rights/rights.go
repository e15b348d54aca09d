// Package rights gives users and service accounts of tests their rights.
package rights

import (
	"context"
	"fmt"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// effective is how long a new right may take to count.
const effective = 30 * time.Second

// User is a user of this name.
func User(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

// ServiceAccount is the service account of this name in a namespace.
func ServiceAccount(namespace, name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
}

// Grant creates a Role with the rules, binds it to the subject, and returns when the rights count, as Await does.
func Grant(ctx context.Context, core kubernetes.Interface, namespace, name string, subject rbacv1.Subject, rules []rbacv1.PolicyRule) error {
	meta := metav1.ObjectMeta{Name: name}
	if _, err := core.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Role %s: %w", name, err)
	}
	if _, err := core.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}, Subjects: []rbacv1.Subject{subject},
	}, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create RoleBinding %s: %w", name, err)
	}
	return Await(ctx, core, namespace, subject, rules)
}

// Await waits until the rights count in a namespace: the API server authorizes from a cache, which has a new Role and its binding a
// moment after they exist.
func Await(ctx context.Context, core kubernetes.Interface, namespace string, subject rbacv1.Subject, rules []rbacv1.PolicyRule) error {
	for _, rule := range rules {
		for _, attributes := range attributesOf(namespace, rule) {
			if err := await(ctx, core, subject, attributes); err != nil {
				return err
			}
		}
	}
	return nil
}

// attributesOf are the requests in a namespace that a rule permits.
func attributesOf(namespace string, rule rbacv1.PolicyRule) []authorizationv1.ResourceAttributes {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var all []authorizationv1.ResourceAttributes
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			kind, sub, _ := strings.Cut(resource, "/")
			for _, verb := range rule.Verbs {
				for _, name := range names {
					all = append(all, authorizationv1.ResourceAttributes{Namespace: namespace, Group: group, Resource: kind, Subresource: sub, Verb: verb, Name: name})
				}
			}
		}
	}
	return all
}

func await(ctx context.Context, core kubernetes.Interface, subject rbacv1.Subject, attributes authorizationv1.ResourceAttributes) error {
	user := subject.Name
	if subject.Kind == rbacv1.ServiceAccountKind {
		user = "system:serviceaccount:" + subject.Namespace + ":" + subject.Name
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &attributes}}
	var last error
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, effective, true, func(ctx context.Context) (bool, error) {
		answer, err := core.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		last = err
		return err == nil && answer.Status.Allowed, nil
	})
	if err != nil {
		return fmt.Errorf("waited %s for %s to have the right to %s %s: %w (the last error of the API server: %w)",
			effective, user, attributes.Verb, attributes.Resource, err, last)
	}
	return nil
}
