  return hand_over(keys, now, fresh)
end
