using NativeFl.Cli.Flags;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli;

/// <summary>Where pretrain begins: the weights of --model, or random ones in the shape of --config.</summary>
internal sealed class PretrainSource : IDisposable
{
    private readonly VerbRun _run;
    private readonly ModelInput? _input;

    private PretrainSource(VerbRun run, ModelConfig config, ModelInput? input)
    {
        _run = run;
        Config = config;
        _input = input;
    }

    public static Flag<string> ConfigFile { get; } = new("--config", FlagTypes.File, "", "a config.json: start from random weights of this shape");

    public static Flag<string> TokenizerFolder { get; } = new(
        "--tokenizer", FlagTypes.Folder, "", "a folder with a tokenizer, to read the data with and to keep beside the weights [--model's]");

    /// <summary>The model's shape.</summary>
    public ModelConfig Config { get; }

    /// <summary>How the weights are held while running.</summary>
    public DType WeightType => _input?.WeightType ?? OutputFlags.TypeOf(_run.Get(SharedFlags.Type)) ?? DType.F32;

    /// <summary>How the result is stored.</summary>
    public DType SaveType => _input?.SaveType ?? OutputFlags.TypeOf(_run.Get(OutputFlags.SaveType)) ?? DType.F32;

    /// <summary>What the result has of dropped layers.</summary>
    public DroppedWeights Dropped => _input?.Dropped ?? DroppedWeights.LeftOut;

    /// <summary>The folder that the result's tokenizer files come from, or null.</summary>
    public string? TokenizerFrom => _run.Get(TokenizerFolder) is { Length: > 0 } folder ? folder : _input?.Folder;

    public static PretrainSource Open(VerbRun run)
    {
        string model = run.Get(DataFlags.OptionalModel), config = run.Get(ConfigFile);
        if ((model.Length == 0) == (config.Length == 0))
            throw new InvalidInputException("--model", "either --model or --config", model.Length == 0 ? "neither" : "both");
        if (config.Length > 0) return new PretrainSource(run, ModelConfigFile.Parse(File.ReadAllText(config), config), input: null);
        ModelInput input = ModelInput.Open(run, model);
        return new PretrainSource(run, input.Config, input);
    }

    /// <summary>Reads the tokenizer, for data that is text.</summary>
    public Tokenizer Tokenizer()
    {
        string folder = TokenizerFrom ?? throw new InvalidInputException("--tokenizer", "a folder with a tokenizer, for the data is text", "nothing");
        Tokenizer tokenizer = Tokenization.Tokenizer.Load(folder);
        tokenizer.RequireFits(Config.VocabularySize);
        return tokenizer;
    }

    /// <summary>Makes the model on the run's device.</summary>
    public Transformer Load() => _input is not null
        ? _input.Load()
        : Transformer.Random(_run.Backend, Config, WeightType, _run.Seed);

    /// <inheritdoc/>
    public void Dispose() => _input?.Dispose();
}
