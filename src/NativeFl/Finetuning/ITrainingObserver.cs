namespace NativeFl.Finetuning;

/// <summary>Watches a training run; called on the training thread, between steps.</summary>
public interface ITrainingObserver
{
    /// <summary>After every optimiser step of every client.</summary>
    void OnStep(TrainingStep step);

    /// <summary>
    /// After all clients of a pass have made a step: the time to evaluate. <paramref name="stack"/> holds the live adapters and is null
    /// when all weights train; the model itself is then up to date.
    /// </summary>
    void OnPass(int step, AdapterStack? stack)
    {
    }
}
