using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Evaluation;

/// <summary>
/// Measures how fast a model generates: prompts are read once, then every step reads one token a sequence and finds the keys and values of
/// all earlier ones in the cache. (The speed script of LLM-Drop, arXiv:2406.15786, does not pass the cache on by default: its step is a
/// forward of one token on its own.) It is <see cref="Generator"/> that runs, with the choice of the likeliest token and nothing else.
/// </summary>
public static class DecodeSpeed
{
    /// <summary>Generates once and takes the times.</summary>
    /// <param name="model">The model; what it goes without has no place in the cache.</param>
    /// <param name="options">What is generated.</param>
    /// <param name="adapters">Adapters under all tokens, or null.</param>
    /// <param name="clock">What the time is taken from; null: the system's.</param>
    /// <param name="cancellation">Polled between tokens.</param>
    /// <exception cref="InvalidInputException">Prompt and new tokens are more than the model's positions.</exception>
    public static DecodeResult Measure(
        Transformer model, DecodeOptions options, AdapterStack? adapters = null, TimeProvider? clock = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.PromptLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.NewTokens, 2);
        if (options.PromptLength > model.Config.MaxPositions - options.NewTokens)
        {
            throw new InvalidInputException(
                "decode", FormattableString.Invariant($"prompt and new tokens of at most {model.Config.MaxPositions}, the model's positions"),
                FormattableString.Invariant($"{options.PromptLength} + {options.NewTokens}"));
        }

        clock ??= TimeProvider.System;
        var generator = new Generator(model, adapters);
        var steps = new List<double>();
        var prefills = new List<double>();
        int tokens = 0;
        int[][] prompts = Prompts(options, model.Config.VocabularySize);
        long last = clock.GetTimestamp();
        generator.Generate(prompts, new GenerationOptions { MaxNewTokens = options.NewTokens, IgnoreEos = true }, OnToken, cancellation);
        return new DecodeResult
        {
            Options = options,
            StepSeconds = steps,
            PrefillSeconds = prefills,
            CacheBytes = CacheBytes(model, options),
        };

        // No sequence ends early: the first tokens come prompt by prompt, and then as many a step as there are sequences.
        void OnToken(int sequence, int token)
        {
            bool isPrefill = ++tokens <= options.Sequences;
            if (!isPrefill && tokens % options.Sequences != 0) return;
            long now = clock.GetTimestamp();
            (isPrefill ? prefills : steps).Add(clock.GetElapsedTime(last, now).TotalSeconds);
            last = now;
        }
    }

    /// <summary>The bytes of the key/value cache, planned and not allocated.</summary>
    public static long CacheBytes(Transformer model, DecodeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using KvCache cache = new Generator(model).Cache(options.Sequences, options.PromptLength, options.NewTokens);
        return cache.Plan.Bytes;
    }

    private static int[][] Prompts(DecodeOptions options, int vocabulary) =>
    [
        .. Enumerable.Range(0, options.Sequences).Select(sequence =>
        {
            var draws = new Philox(options.Seed, (ulong)sequence);
            var ids = new int[options.PromptLength];
            foreach (ref int id in ids.AsSpan()) id = draws.NextInt32(vocabulary);
            return ids;
        }),
    ];
}
