-- Credentials: the person or workload behind an access key
-- The chain of issues that led to the key, across accounts, from whoever began; `unknown` if the first link is not in the lake.
-- $key text: the access key, AKIA… or ASIA…
SELECT origin, originType, originAccount, originIP, sourceIdentity, issuedTime, depth, session, role,
  array_to_string(path, ' > ') AS path
FROM actor_chain
WHERE accessKeyId = $key
ORDER BY issuedTime, session
