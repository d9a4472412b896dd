/* SPDX-License-Identifier: MIT */
/*
 * coord - what a refusal means to somebody who reads it, and what may be done.
 * It knows numbers only: the library's are the wire's, and never change.
 */
#include "daemon/coord.h"

/* ZooKeeper's own, as far as an operation of ours can meet them. */
#define ZK_NO_AUTH     (-102)
#define ZK_INVALID_ACL (-114)
#define ZK_NOT_WRITING (-119)
#define ZK_QUOTA       (-125)
#define ZK_THROTTLED   (-127)

const char *coord_refusal(int zk_rc)
{
	switch (zk_rc) {
	case ZK_NO_AUTH:
		return "ZooKeeper allows us nothing at this node: look at its "
		       "ACL, and at auth_file";
	case ZK_INVALID_ACL:
		return "ZooKeeper does not take our ACL: acl_creator wants an "
		       "auth_file that it knows";
	case ZK_NOT_WRITING:
		return "this ZooKeeper server only reads: it has no quorum";
	case ZK_QUOTA:
		return "a quota of ZooKeeper's is used up: raise it, or lock "
		       "less";
	case ZK_THROTTLED:
		return "ZooKeeper is overloaded and did not do it: try again";
	case COORD_RC_NO_MEMORY:
		return "there was no memory for ZooKeeper's answer";
	case COORD_RC_WATCHES:
		return "this host watches as many nodes as is safe: wait for "
		       "fewer locks at once";
	case COORD_RC_CHILDREN:
		return "this node has far more children than locks make: find "
		       "out whose they are";
	default:
		return "ZooKeeper refused the operation";
	}
}
