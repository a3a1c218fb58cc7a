-- Sessions: the people and workloads that a role was given to
-- Who stands at the beginning of the chains that ended in this role, across accounts, with one example of a chain.
-- $role text: the role, by name or ARN
-- $since time = 1970-01-01: only sessions that were issued from then on
SELECT origin, originType, originAccount, min(issuedTime) AS first, max(issuedTime) AS last, count(*) AS keys,
  array_to_string(array_sort(array_agg(DISTINCT originIP)), ', ') AS addresses, max(depth) AS depth,
  max(array_to_string(path, ' > ')) AS path
FROM actor_chain
WHERE (role = $role OR split_part(role, '/', -1) = $role) AND issuedTime >= $since
GROUP BY origin, originType, originAccount
ORDER BY first, origin
