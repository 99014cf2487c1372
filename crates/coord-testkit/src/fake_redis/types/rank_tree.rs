//! Ordered sequence of scored members with ranks in logarithmic time.

use std::cmp::Ordering;

use bytes::Bytes;

/// Treap over (score, member) whose nodes know the size of their subtree.
///
/// Scores compare as numbers (`-0.0` equals `0.0`; NaN is never stored), ties by the bytes of the
/// member.
/// Insert, remove, rank and access by rank take expected O(log n); priorities come from a fixed
/// seed, so equal histories give equal trees.
#[derive(Debug, Clone)]
pub(crate) struct RankTree {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    seed: u64,
}

#[derive(Debug, Clone)]
struct Node {
    score: f64,
    member: Bytes,
    priority: u64,
    left: u32,
    right: u32,
    size: usize,
}

/// Absent child.
const NIL: u32 = u32::MAX;

impl Default for RankTree {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: NIL, seed: 0x9e37_79b9_7f4a_7c15 }
    }
}

impl RankTree {
    /// Number of members.
    pub(crate) fn len(&self) -> usize {
        self.size(self.root)
    }

    /// Adds a pair that is not there yet.
    pub(crate) fn insert(&mut self, score: f64, member: Bytes) {
        let (left, right) = self.split(self.root, &|s, m| order(s, m, score, &member).is_lt());
        let node = self.allocate(score, member);
        let left = self.merge(left, node);
        self.root = self.merge(left, right);
    }

    /// Removes a pair; the member's score must be the one it was inserted with.
    pub(crate) fn remove(&mut self, score: f64, member: &[u8]) {
        let (left, rest) = self.split(self.root, &|s, m| order(s, m, score, member).is_lt());
        let (found, right) = self.split(rest, &|s, m| order(s, m, score, member).is_le());
        if found != NIL {
            self.nodes[found as usize].member = Bytes::new();
            self.free.push(found);
        }
        self.root = self.merge(left, right);
    }

    /// How many pairs from the front satisfy `before`, which must be true of a prefix only.
    pub(crate) fn partition_point(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        let (mut at, mut count) = (self.root, 0);
        while at != NIL {
            let node = &self.nodes[at as usize];
            if before(node.score, &node.member) {
                count += self.size(node.left) + 1;
                at = node.right;
            } else {
                at = node.left;
            }
        }
        count
    }

    /// Rank of the pair, if it is present.
    pub(crate) fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.partition_point(|s, m| order(s, m, score, member).is_lt())
    }

    /// Walks `count` pairs from rank `start` upwards.
    pub(crate) fn walk(&self, start: usize, count: usize) -> Walk<'_> {
        Walk::new(self, start, count, true)
    }

    /// Walks `count` pairs from rank `start` downwards.
    pub(crate) fn walk_back(&self, start: usize, count: usize) -> Walk<'_> {
        Walk::new(self, start, count, false)
    }

    fn size(&self, at: u32) -> usize {
        if at == NIL { 0 } else { self.nodes[at as usize].size }
    }

    fn allocate(&mut self, score: f64, member: Bytes) -> u32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let node = Node { score, member, priority: self.seed, left: NIL, right: NIL, size: 1 };
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("a sorted set has fewer than 2^32 members")
    }

    /// Splits the subtree into the pairs that satisfy `goes_left` and the others.
    fn split(&mut self, at: u32, goes_left: &impl Fn(f64, &[u8]) -> bool) -> (u32, u32) {
        if at == NIL {
            return (NIL, NIL);
        }
        let node = &self.nodes[at as usize];
        let (left, right) = (node.left, node.right);
        if goes_left(node.score, &node.member) {
            let (low, high) = self.split(right, goes_left);
            self.nodes[at as usize].right = low;
            self.resize(at);
            (at, high)
        } else {
            let (low, high) = self.split(left, goes_left);
            self.nodes[at as usize].left = high;
            self.resize(at);
            (low, at)
        }
    }

    /// Joins two subtrees, all pairs of `left` being before those of `right`.
    fn merge(&mut self, left: u32, right: u32) -> u32 {
        if left == NIL {
            return right;
        }
        if right == NIL {
            return left;
        }
        if self.nodes[left as usize].priority > self.nodes[right as usize].priority {
            let inner = self.nodes[left as usize].right;
            self.nodes[left as usize].right = self.merge(inner, right);
            self.resize(left);
            left
        } else {
            let inner = self.nodes[right as usize].left;
            self.nodes[right as usize].left = self.merge(left, inner);
            self.resize(right);
            right
        }
    }

    fn resize(&mut self, at: u32) {
        let node = &self.nodes[at as usize];
        self.nodes[at as usize].size = self.size(node.left) + self.size(node.right) + 1;
    }
}

/// Iterator over neighbouring pairs.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    tree: &'a RankTree,
    /// Nodes still to visit, the next one on top.
    stack: Vec<u32>,
    left: usize,
    upwards: bool,
}

impl<'a> Walk<'a> {
    fn new(tree: &'a RankTree, start: usize, count: usize, upwards: bool) -> Self {
        let mut walk = Self { tree, stack: Vec::new(), left: count, upwards };
        let mut skip = if upwards { start } else { tree.len().saturating_sub(start + 1) };
        let mut at = tree.root;
        while at != NIL {
            let (near, far) = walk.sides(at);
            match skip.cmp(&tree.size(near)) {
                Ordering::Less => {
                    walk.stack.push(at);
                    at = near;
                }
                Ordering::Equal => {
                    walk.stack.push(at);
                    break;
                }
                Ordering::Greater => {
                    skip -= tree.size(near) + 1;
                    at = far;
                }
            }
        }
        walk
    }

    /// Children of a node: the one visited before it and the one visited after it.
    fn sides(&self, at: u32) -> (u32, u32) {
        let node = &self.tree.nodes[at as usize];
        if self.upwards { (node.left, node.right) } else { (node.right, node.left) }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (f64, &'a Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let found = self.stack.pop()?;
        self.left -= 1;
        let mut at = self.sides(found).1;
        while at != NIL {
            self.stack.push(at);
            at = self.sides(at).0;
        }
        let node = &self.tree.nodes[found as usize];
        Some((node.score, &node.member))
    }
}

/// Order of two pairs.
fn order(score: f64, member: &[u8], other_score: f64, other_member: &[u8]) -> Ordering {
    score
        .partial_cmp(&other_score)
        .unwrap_or(Ordering::Equal)
        .then_with(|| member.cmp(other_member))
}
