using NativeFl.Cli.Flags;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli;

/// <summary>A model folder that has been checked: config, every weight's name and shape. Weights are read when it is loaded.</summary>
internal sealed class ModelInput : IDisposable
{
    private readonly VerbRun _run;
    private readonly Checkpoint _checkpoint;

    private ModelInput(VerbRun run, Checkpoint checkpoint)
    {
        _run = run;
        _checkpoint = checkpoint;
        StorageType = checkpoint.StorageType;
        bool isWhole = Checkpoint.ExpectedTensors(Config with { Dropped = DroppedSublayers.None }).All(tensor => checkpoint.Contains(tensor.Name));
        Dropped = isWhole && Config.Dropped.Count > 0 ? DroppedWeights.Zeroed : DroppedWeights.LeftOut;
    }

    /// <summary>The folder.</summary>
    public string Folder => _checkpoint.Folder;

    /// <summary>What config.json says.</summary>
    public ModelConfig Config => _checkpoint.Config;

    /// <summary>How the files store the linear weights.</summary>
    public DType StorageType { get; }

    /// <summary>
    /// What a checkpoint made from this model has of its dropped layers: zeros if the files have them, so that a loader that knows nothing of the
    /// drop lists computes right, else nothing.
    /// </summary>
    public DroppedWeights Dropped { get; }

    /// <summary>How a checkpoint made from this model is stored: --save-dtype, else as the base is.</summary>
    public DType SaveType => OutputFlags.TypeOf(_run.Get(OutputFlags.SaveType)) ?? StorageType;

    /// <summary>How the weights are held while running: --dtype, else bf16 where the files or the device's activations are bf16 and f32 otherwise.</summary>
    public DType WeightType =>
        OutputFlags.TypeOf(_run.Get(SharedFlags.Type)) ?? (StorageType == DType.BF16 || _run.Device.ActivationType == DType.BF16 ? DType.BF16 : DType.F32);

    /// <summary>Whether the weights are held more coarsely than the files have them, so that what is written must come from the files again.</summary>
    public bool IsNarrowed => WeightType == DType.BF16 && StorageType != DType.BF16;

    /// <summary>The size of the weight files, which are mapped while they are read.</summary>
    public long FileBytes => Directory.EnumerateFiles(Folder, "*.safetensors").Sum(file => new FileInfo(file).Length);

    /// <summary>Opens and checks a model folder.</summary>
    public static ModelInput Open(VerbRun run, string folder)
    {
        Checkpoint checkpoint = Checkpoint.Open(folder);
        bool isValid = false;
        try
        {
            checkpoint.Validate();
            isValid = true;
            return new ModelInput(run, checkpoint);
        }
        finally
        {
            if (!isValid) checkpoint.Dispose();
        }
    }

    /// <summary>Reads a PEFT folder for this model, or nothing for "".</summary>
    public AdapterFolderContent? Adapter(string folder) => folder.Length == 0 ? null : AdapterFolder.Load(folder, Config);

    /// <summary>The tokenizer beside the weights.</summary>
    public Tokenizer Tokenizer()
    {
        Tokenizer tokenizer = Tokenization.Tokenizer.Load(Folder);
        tokenizer.RequireFits(Config.VocabularySize);
        return tokenizer;
    }

    /// <summary>Reads the weights onto the run's device and closes the files. Inputs must have proved valid by now.</summary>
    /// <param name="weightType">How they are held; null: <see cref="WeightType"/>.</param>
    /// <param name="without">Sublayers that are not read, or null.</param>
    public Transformer Load(DType? weightType = null, DroppedSublayers? without = null)
    {
        Transformer model = Transformer.Load(_run.Backend, _checkpoint, weightType ?? WeightType, without);
        _checkpoint.Dispose();
        return model;
    }

    /// <inheritdoc/>
    public void Dispose() => _checkpoint.Dispose();
}
