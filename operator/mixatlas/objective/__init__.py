"""What is maximised: scores → objective, their noise, doubts about them, confirmed gains.

Knows: how a benchmark's score enters the objective, how much of a score is luck, and how a
confirmation's item scores become gains with intervals. Arrays in, values out; larger is better.
Never knows: mixtures' weights, surrogates, files, how scores were made.
Used by: surrogate, propose, plan, report.
"""
