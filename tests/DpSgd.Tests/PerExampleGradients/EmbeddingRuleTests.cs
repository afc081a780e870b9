using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.PerExampleGradients;

public class EmbeddingRuleTests
{
    [Fact]
    public void A_text_classifier_trains()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Classifier(vocabulary: 20);
        var tokens = LayerCase.Tokens(256, 20, 6);
        var labels = tokens.eq(3).any(1).to(ScalarType.Int64);
        // The parameters are enumerated anew at each step, as TorchSharp's optimizers do.
        using var optimizer = new DPOptimizer(
            optim.Adam(model.parameters(), 0.05), model, new() { L2NormClip = 1, NoiseMultiplier = 1, Noise = NoiseSource.SeededForTests(3) });
        Tensor Loss() => functional.cross_entropy(model.call(tokens), labels);
        var before = Loss().ToDouble();
        for (var i = 0; i < 60; i++)
        {
            optimizer.zero_grad();
            Loss().backward();
            optimizer.step();
        }
        Loss().ToDouble().Should().BeLessThan(0.75 * before);
    }

    [Fact]
    public void The_row_of_the_padding_gets_noise_alone()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = Embedding(5, 40, padding_idx: 2);
        init.normal_(model.parameters().Single());
        var tokens = LayerCase.Tokens(8, 5, 6);
        Tensor RowOf(double noise) => PrivateStep.Gradient(model, model.parameters().ToList(), new() { L2NormClip = 1, NoiseMultiplier = noise }, optimizer =>
        {
            model.call(tokens).square().sum().backward();
            optimizer.step();
        }).Single()[2];
        RowOf(0).eq(0).all().ToBoolean().Should().BeTrue();
        RowOf(1).ne(0).all().ToBoolean().Should().BeTrue("which tokens are padding must not show");
    }

    /// <summary>Written out, the gradients would take 400 GB.</summary>
    [Fact]
    public void Examples_by_vocabulary_is_never_held()
    {
        using var scope = NewDisposeScope();
        const long vocabulary = 200_000, examples = 65_536;
        var model = Embedding(vocabulary, 8);
        var tokens = LayerCase.Tokens(examples, vocabulary, 2);
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), Toy.NoPrivacy with { LossReduction = LossReduction.Sum, MicrobatchSize = 2 }, optimizer =>
        {
            model.call(tokens).sum().backward();
            optimizer.step();
        }).Single();
        // Averages over microbatches of two, and over those: each use counts one over the number of examples.
        (gradient.sum(ScalarType.Float64).ToDouble() * examples / (8 * 2 * examples)).Should().BeApproximately(1, 1e-4);
    }

    [Fact]
    public void Its_weight_can_be_set()
    {
        using var scope = NewDisposeScope();
        var model = Embedding(4, 3);
        model.weight = Parameter(ones(4, 3));
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), Toy.NoPrivacy, optimizer =>
        {
            model.call(tensor(new long[,] { { 1 }, { 3 } })).sum().backward();
            optimizer.step();
        }).Single();
        gradient.sum(dim: 1L).data<float>().Should().Equal(0, 3, 0, 3);
    }

    private sealed class Classifier : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Embedding _tokens;
        private readonly TorchSharp.Modules.Linear _output = Linear(8, 2);

        public Classifier(long vocabulary)
            : base(nameof(Classifier))
        {
            _tokens = Embedding(vocabulary, 8);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _output.call(_tokens.call(input).max(1).values);
    }
}
