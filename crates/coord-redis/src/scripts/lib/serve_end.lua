-- The end of what serve_begin began.
  return hand_over(keys, now, fresh)
end
